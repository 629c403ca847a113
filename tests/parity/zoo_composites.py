# SPDX-License-Identifier: MIT
"""Configs that hold several models: whether posenc finds the language model, and each tower by its path."""
import json

import transformers


def parts(config, path=""):
    """(path, config) of all configs inside one."""
    for name in getattr(type(config), "sub_configs", {}) or {}:
        inner = getattr(config, name, None)
        if isinstance(inner, transformers.PreTrainedConfig):
            yield f"{path}{name}", inner
            yield from parts(inner, f"{path}{name}.")


def saved(config):
    return json.loads(config.to_json_string(use_diff=True))


def check(driver, classes, rotating):
    """(model_type, verdict) of every config class that holds a config of the zoo."""
    rows = []
    for name, config_class in sorted(classes.items()):
        try:
            config = config_class()
        except Exception:
            continue
        inside = [(path, inner) for path, inner in parts(config) if type(inner).__name__ in rotating]
        if not inside:
            continue
        whole = saved(config)
        try:
            language = config.get_text_config(decoder=True)
        except Exception:
            language = None
        faults = []
        if language is not config and type(language).__name__ in rotating:
            faults += differ("language model", driver.ask(config=whole, serving_length=101),
                             driver.ask(config=saved(language), serving_length=101))
        for path, inner in inside:
            faults += differ(path, driver.ask(config=whole, serving_length=101, tower=path),
                             driver.ask(config=saved(inner), serving_length=101))
        rows.append((config_class.model_type or name, "; ".join(faults) or "right"))
    return rows


def differ(what, found, alone):
    if "refused" in alone:
        return []  # Counted with the config class itself.
    if "refused" in found:
        return [f"refused: {what}: {found['refused']}"]
    same = all(found[key] == alone[key] for key in ("sets", "layers"))
    return [] if same else [f"WRONG: {what} differs from the same config alone"]
