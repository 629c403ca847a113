// SPDX-License-Identifier: MIT
#include "bad_input/model_config_fixture.hpp"

/// Plans of layers, widths of single layers, switches, picture towers and keys of single classes.
std::vector<posenc_tests::BadInputCase> posenc_tests::bad_config_layers() {
  BadConfigs bad("config");
  bad.refused("attention at a layer that is not there",
              "read_hugging_face_config: attn_layer_indices[0] must be less than num_hidden_layers 2, got 2",
              R"({"model_type": "bamba", "num_hidden_layers": 2, "attn_layer_indices": [2]})");
  bad.refused("attention at half a layer",
              "read_hugging_face_config: attn_layer_indices[0] must be a whole number from 0 to 8388608, got 0.5",
              R"({"model_type": "bamba", "num_hidden_layers": 2, "attn_layer_indices": [0.5]})");
  bad.refused("attention layers that are a number",
              "read_hugging_face_config: attn_layer_indices must be a list, got 1",
              R"({"model_type": "bamba", "num_hidden_layers": 2, "attn_layer_indices": 1})");
  bad.refused("full attention at a layer that is not there",
              "read_hugging_face_config: full_attn_idxs[0] must be less than num_hidden_layers 2, got 5",
              R"({"model_type": "lfm2", "num_hidden_layers": 2, "full_attn_idxs": [5]})");
  bad.refused("full attention layers by text",
              "read_hugging_face_config: full_attn_idxs[0] must be a number, got the text \"1\"",
              R"({"model_type": "lfm2", "num_hidden_layers": 2, "full_attn_idxs": ["1"]})");
  bad.refused("bases of too few layers",
              "read_hugging_face_config: layer_rope_theta.size() must be num_hidden_layers 2, got 1",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "layer_rope_theta": [10000]})");
  bad.refused("a negative base of one layer",
              "read_hugging_face_config: layer_rope_theta[1] must be finite, > 0 and not 1, got -1",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "layer_rope_theta": [10000, -1]})");
  bad.refused("bases of layers in a dictionary",
              "read_hugging_face_config: rope_theta must be a number, got a dictionary of 1",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "rope_theta": {"0": 10000}})");
  bad.refused("a base that is no number, of one layer",
              "read_hugging_face_config: rope_theta[1] must be a number, got null",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "rope_theta": [10000, null]})");
  bad.refused("shares of too few layers",
              "read_hugging_face_config: partial_rotary_factors.size() must be num_hidden_layers 2, got 1",
              R"({"model_type": "step3p5", "num_hidden_layers": 2, "partial_rotary_factors": [1]})");
  bad.refused("a share of 2, of one layer",
              "read_hugging_face_config: partial_rotary_factors[1] must be in (0, 1], got 2",
              R"({"model_type": "step3p5", "num_hidden_layers": 2, "partial_rotary_factors": [1, 2]})");
  bad.refused("scaling of a layer that is not there",
              "read_hugging_face_config: rope_scaling_layers[0] must be less than num_hidden_layers 2, got 2",
              R"({"model_type": "molmo2_text", "num_hidden_layers": 2, "rope_scaling_layers": [2]})");
  bad.refused("scaled layers that are a number", "read_hugging_face_config: rope_scaling_layers must be a list, got 1",
              R"({"model_type": "molmo2_text", "num_hidden_layers": 2, "rope_scaling_layers": 1})");
  bad.refused(
      "layers of blocks of an unknown kind",
      "read_hugging_face_config: layers_block_type[1] must be full_attention, sliding_attention, chunked_attention, "
      "linear_attention, conv, mamba, recurrent or another kind that is known, got the text \"rwkv\"",
      R"({"model_type": "zamba2", "num_hidden_layers": 2, "layers_block_type": ["mamba", "rwkv"]})");
  bad.refused("too few blocks", "read_hugging_face_config: layers_block_type.size() must be num_hidden_layers 2, got 1",
              R"({"model_type": "zamba2", "num_hidden_layers": 2, "layers_block_type": ["mamba"]})");
  bad.refused("use_mem_rope is a number", "read_hugging_face_config: use_mem_rope must be true or false, got 1",
              R"({"model_type": "zamba2", "num_hidden_layers": 2, "use_mem_rope": 1})");
  bad.refused("the alibi of Falcon is a text",
              "read_hugging_face_config: alibi must be true or false, got the text \"no\"",
              R"({"model_type": "falcon", "num_hidden_layers": 2, "alibi": "no"})");
  bad.refused("an unknown embedding type",
              "read_hugging_face_config: position_embedding_type must be rope, rotary, nope or absolute, got the text "
              "\"relative_key\"",
              R"({"model_type": "esm", "num_hidden_layers": 2, "position_embedding_type": "relative_key"})");
  bad.refused("an embedding type that is a flag",
              "read_hugging_face_config: position_embedding_type must be a text, got true",
              R"({"model_type": "esm", "num_hidden_layers": 2, "position_embedding_type": true})");
  bad.refused("a share that is not half of all heads",
              "read_hugging_face_config: partial_rotary_factor must be half of num_attention_heads, so that each axis "
              "has half of all pairs, got 2",
              R"({"model_type": "efficientloftr", "partial_rotary_factor": 2.0})");
  bad.refused("proportional frequencies of a grid",
              "read_hugging_face_config: rope_parameters.rope_type must be default for this model_type, got the text "
              "\"proportional\"",
              R"({"model_type": "efficientloftr", "rope_parameters": {"rope_type": "proportional"}})");
  bad.refused("factors of twice the pairs of one axis",
              "read_hugging_face_config: rope_parameters.short_factor.size() must be the number of pairs 8, got 16",
              R"({"model_type": "efficientloftr", "hidden_size": 32, "num_attention_heads": 8, "rope_parameters":
              {"rope_type": "longrope", "original_max_position_embeddings": 1024, "factor": 2, "short_factor":
              [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1, 1, 1, 1]}})");
  bad.refused(
      "more pairs of space than a head has",
      "read_hugging_face_config: 3 num_spatial_rope_pairs_per_axis + num_uid_rope_pairs must be at most half of "
      "head_dim 32, got 22",
      R"({"model_type": "esmfold2_atom_encoder", "num_spatial_rope_pairs_per_axis": 4})");
  bad.refused("a base of 0 of units",
              "read_hugging_face_config: uid_rope_base_frequency must be finite, > 0 and not 1, got 0",
              R"({"model_type": "esmfold2_atom_encoder", "uid_rope_base_frequency": 0})");
  bad.refused("a negative base of space",
              "read_hugging_face_config: spatial_rope_base_frequency must be finite, > 0 and not 1, got -20",
              R"({"model_type": "esmfold2_atom_encoder", "spatial_rope_base_frequency": -20})");
  bad.refused("half a pair of space",
              "read_hugging_face_config: num_spatial_rope_pairs_per_axis must be a whole number from 0 to 8388608, got "
              "0.5",
              R"({"model_type": "esmfold2_atom_encoder", "num_spatial_rope_pairs_per_axis": 0.5})");
  bad.refused("a projection whose share of a head is too wide",
              "read_hugging_face_config: projection_dim must be such that its share of a head is even and at most "
              "head_dim 64, got 1632",
              R"({"model_type": "clvp_encoder", "projection_dim": 1632})");
  bad.refused("a codec that scales by an unknown rule",
              "read_hugging_face_config: rope_parameters.rope_type must be default, linear, dynamic, yarn, longrope, "
              "llama3 or proportional, got the text \"new\"",
              R"({"model_type": "xcodec2", "rope_parameters": {"rope_type": "new"}})");
  bad.refused("layers of speech by text",
              "read_hugging_face_config: speech_encoder_layers must be a number, got the text \"24\"",
              R"({"model_type": "seamless_m4t", "speech_encoder_layers": "24"})");
  bad.refused("a conformer's type that is a number",
              "read_hugging_face_config: position_embeddings_type must be a text, got 0",
              R"({"model_type": "wav2vec2-conformer", "num_hidden_layers": 2, "position_embeddings_type": 0})");
  bad.refused(
      "letters of another alphabet",
      "read_hugging_face_config: sliding_window_pattern must be a period, or letters L and G, got the text \"LXG\"",
      R"({"model_type": "exaone4", "num_hidden_layers": 2, "sliding_window_pattern": "LXG"})");
  bad.refused(
      "no letters",
      "read_hugging_face_config: sliding_window_pattern must be a period, or letters L and G, got the text \"\"",
      R"({"model_type": "exaone4", "num_hidden_layers": 2, "sliding_window_pattern": ""})");
  bad.refused("a period of layers of 0",
              "read_hugging_face_config: sliding_window_pattern must be a whole number from 1 to 8388608, got 0",
              R"({"model_type": "gemma3_text", "num_hidden_layers": 2, "sliding_window_pattern": 0})");
  bad.refused(
      "two periods that differ",
      "read_hugging_face_config: global_attn_every_n_layers must be the same as sliding_window_pattern 4, got 3",
      R"({"model_type": "modernbert", "num_hidden_layers": 2, "global_attn_every_n_layers": 3, "sliding_window_pattern": 4})");
  bad.refused("use_sliding_window is a number",
              "read_hugging_face_config: use_sliding_window must be true or false, got 1",
              R"({"model_type": "dots3_note_text", "num_hidden_layers": 2, "use_sliding_window": 1})");
  bad.refused("twice as many attentions as layers, and one more",
              "read_hugging_face_config: num_hidden_layers must be 2 times num_layers, got 7",
              R"({"model_type": "longcat_flash", "num_layers": 3, "num_hidden_layers": 7})");
  bad.refused("cross attention that is a flag",
              "read_hugging_face_config: cross_attention_layers must be a list, got true",
              R"({"model_type": "mllama_text_model", "num_hidden_layers": 2, "cross_attention_layers": true})");
  bad.refused("the layers of a picture tower as text",
              "read_hugging_face_config: depth must be a number, got the text \"32\"",
              R"({"model_type": "qwen2_vl_vision", "depth": "32"})");
  bad.refused("a head of a picture that is not four times anything",
              "read_hugging_face_config: head_dim must be a multiple of 4 for two axes, got 30",
              R"({"model_type": "qwen2_vl_vision", "depth": 2, "embed_dim": 90, "num_heads": 3})");
  bad.refused("a head of a picture too small for three axes",
              "read_hugging_face_config: head_dim must be at least 6 for three axes, got 4",
              R"({"model_type": "minimax_m3_vl_vision", "num_hidden_layers": 2, "head_dim": 4})");
  bad.refused(
      "a scaling rule of a picture",
      "read_hugging_face_config: rope_parameters.rope_type must be default for this model_type, got the text "
      "\"linear\"",
      R"({"model_type": "qwen2_vl_vision", "depth": 2, "rope_parameters": {"rope_type": "linear", "factor": 2}})");
  bad.refused(
      "heads of memory attention that do not divide",
      "read_hugging_face_config: memory_attention_hidden_size must be a multiple of num_attention_heads 4, got 250",
      R"({"model_type": "sam2_video", "memory_attention_hidden_size": 250, "memory_attention_num_attention_heads": 4})");
  bad.refused(
      "a rate of memory attention of 0",
      "read_hugging_face_config: memory_attention_downsample_rate must be a whole number from 1 to 8388608, got 0",
      R"({"model_type": "sam2_video", "memory_attention_downsample_rate": 0})");
  bad.refused("no layers of memory attention",
              "read_hugging_face_config: memory_attention_num_layers must be a whole number from 1 to 8388608, got 0",
              R"({"model_type": "sam2_video", "memory_attention_num_layers": 0})");
  bad.refused(
      "a width of single layers that is a text",
      "read_hugging_face_config: per_layer_config.5.head_dim must be a number, got the text \"384\"",
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "per_layer_config": {"5": {"head_dim": "384"}}})");
  bad.refused("a single layer that is a number",
              "read_hugging_face_config: per_layer_config.5 must be a dictionary, got 384",
              R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "per_layer_config": {"5": 384}})");
  bad.refused("single layers in a list",
              "read_hugging_face_config: per_layer_config must be a dictionary, got a list of 1",
              R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "per_layer_config": [384]})");
  bad.refused(
      "widths of single layers that differ",
      "read_hugging_face_config: per_layer_config.11.head_dim must be the same for all layers of its kind, got 512",
      R"({"model_type": "gemma4_text", "num_hidden_layers": 12, "per_layer_config": {"5": {"head_dim": 384}, "11": {"head_dim": 512}}})");
  bad.refused("an odd width of sliding layers",
              "read_hugging_face_config: qk_rope_head_dim must be even and > 0, got 31",
              R"({"model_type": "dots3_note_text", "num_hidden_layers": 6, "swa_qk_rope_head_dim": 31})");
  bad.refused("a tuning that is a text",
              "read_hugging_face_config: attn_temperature_tuning must be true, false or a number, got the text \"yes\"",
              R"({"model_type": "llama4_text", "num_hidden_layers": 4, "attn_temperature_tuning": "yes"})");
  bad.refused("a floor_scale of 0", "read_hugging_face_config: floor_scale must be finite and > 0, got 0",
              R"({"model_type": "llama4_text", "num_hidden_layers": 4, "floor_scale": 0})");
  bad.refused("a negative attn_scale", "read_hugging_face_config: attn_scale must be finite and >= 0, got -0.1",
              R"({"model_type": "llama4_text", "num_hidden_layers": 4, "attn_scale": -0.1})");
  bad.refused(
      "beta that is a text",
      "read_hugging_face_config: rope_parameters.llama_4_scaling_beta must be a number, got the text \"0.1\"",
      R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "rope_parameters": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 4096, "llama_4_scaling_beta": "0.1"}})");
  bad.refused("a base whose inverse is not finite",
              "read_hugging_face_config: rope_theta must be such that its inverse is finite, got 1e-310",
              R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "rope_theta": 1e-310})");
  bad.refused("a period of layers that do not rotate, 0.5",
              "read_hugging_face_config: no_rope_layer_interval must be a whole number from 1 to 8388608, got 0.5",
              R"({"model_type": "smollm3", "num_hidden_layers": 4, "no_rope_layer_interval": 0.5})");
  bad.refused("layers that do not rotate, by texts",
              "read_hugging_face_config: no_rope_layers[0] must be a number, got the text \"1\"",
              R"({"model_type": "smollm3", "num_hidden_layers": 2, "no_rope_layers": ["1", "0"]})");
  bad.refused(
      "a rope dictionary for kinds of layers, where this class has them",
      "read_hugging_face_config: rope_parameters must be a dictionary with an entry for each kind of layer, for this "
      "model_type, got a dictionary of 2",
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "rope_parameters": {"rope_type": "default", "rope_theta": 10000}})");
  bad.refused(
      "a kind of layer without its entry",
      "read_hugging_face_config: rope_parameters.full_attention must be given, since a layer is of this kind, got "
      "nothing",
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "rope_parameters": {"sliding_attention": {"rope_theta": 10000}}})");
  bad.refused(
      "an entry for a kind of layer that is a number",
      "read_hugging_face_config: rope_parameters.full_attention must be a dictionary, got 1",
      R"({"model_type": "gemma4_text", "num_hidden_layers": 6, "rope_parameters": {"sliding_attention": {"rope_theta": 10000}, "full_attention": 1}})");
  bad.refused(
      "four sections where there are three axes",
      "read_hugging_face_config: rope_scaling.mrope_section.size() must be 3 (time, height, width), got 4",
      R"({"model_type": "qwen3_vl_text", "num_hidden_layers": 2, "rope_scaling": {"mrope_section": [16, 16, 16, 16]}})");
  bad.refused(
      "sections by text",
      "read_hugging_face_config: rope_scaling.mrope_section must be a list, got the text \"16,24,24\"",
      R"({"model_type": "qwen2_vl_text", "head_dim": 128, "num_hidden_layers": 2, "rope_scaling": {"mrope_section": "16,24,24"}})");
  bad.refused(
      "sections of Qwen 4 beyond its pairs",
      "read_hugging_face_config: sum of rope_parameters.mrope_section must be the number of pairs 128, got 221",
      R"({"model_type": "qwen4_exp_text", "num_hidden_layers": 4, "rope_parameters": {"mrope_section": [200, 11, 10]}})");
  bad.refused(
      "a length of dynamic by another name, 0",
      "read_hugging_face_config: model_max_length must be finite and > 0, got 0",
      R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "model_max_length": 0, "rope_scaling": {"type": "dynamic", "factor": 2}})");
  bad.refused(
      "two names of that length that differ",
      "read_hugging_face_config: model_max_length must be the same as max_seq_len 2048, got 4096",
      R"({"model_type": "llama", "head_dim": 128, "num_hidden_layers": 2, "model_max_length": 4096, "max_seq_len": 2048, "rope_scaling": {"type": "dynamic", "factor": 2}})");
  bad.refused(
      "two names of a head that differ",
      "read_hugging_face_config: attention_head_dim must be the same as head_dim 80, got 160",
      R"({"model_type": "zamba2", "num_hidden_layers": 2, "use_mem_rope": true, "head_dim": 80, "attention_head_dim": 160, "layers_block_type": ["mamba", "hybrid"]})");
  return bad.cases();
}
