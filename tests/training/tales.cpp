// SPDX-License-Identifier: MIT
// The tales: the same on every platform, and what they say of their clues is true.
#include "support/catch2.hpp"

#include "../../examples/support/tales.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using tales::Language;
using tales::Tale;
using Words = std::vector<std::string>;

/// FNV-1a over numbers of 32 bits, the lowest byte first.
std::uint64_t hash(const std::vector<int>& numbers, std::uint64_t value = 14695981039346656037U) {
  for (const int number : numbers) {
    for (int shift = 0; shift < 32; shift += 8) {
      value = (value ^ (static_cast<std::uint32_t>(number) >> shift & 0xffU)) * 1099511628211U;
    }
  }
  return value;
}

Words words_of(const Language& language, const Tale& tale) {
  Words words;
  for (const int token : tale.tokens) words.push_back(language.words().at(static_cast<std::size_t>(token)));
  return words;
}

/// How a sentence goes: P a person, * a word that is told or asked for, ? any word.
struct Pattern {
  std::string kind;
  Words words;
};

// Written down apart from the grammar, so that an error there is seen here.
const std::vector<Pattern>& tellings() {
  static const std::vector<Pattern> patterns = {
      {"home", {"P", "lived", "near", "the", "*", "."}},
      {"home", {"P", "had", "a", "house", "near", "the", "*", "."}},
      {"food", {"P", "liked", "*", "best", "."}},
      {"food", {"P", "ate", "only", "*", "."}},
      {"pet", {"P", "had", "a", "*", "named", "*", "."}},
      {"pet", {"P", "took", "care", "of", "a", "*", "named", "*", "."}},
      {"thing", {"P", "had", "a", "*", "*", "."}},
      {"thing", {"somebody", "gave", "P", "a", "*", "*", "."}},
      {"work", {"P", "wanted", "to", "be", "a", "*", "."}},
      {"work", {"P", "dreamed", "of", "being", "a", "*", "."}},
  };
  return patterns;
}
const std::vector<Pattern>& questions() {
  static const std::vector<Pattern> patterns = {
      {"home", {"at", "night", "P", "went", "home", "to", "the", "*", "."}},
      {"home", {"P", "was", "tired", "and", "walked", "back", "to", "the", "*", "."}},
      {"home", {"where", "does", "P", "live", "?", "near", "the", "*", "."}},
      {"food", {"P", "was", "hungry", "and", "asked", "for", "*", "."}},
      {"food", {"for", "dinner", "there", "was", "what", "P", "liked", ",", "*", "."}},
      {"food", {"what", "does", "P", "eat", "?", "only", "*", "."}},
      {"pet", {"P", "called", "the", "*", ",", "and", "*", "came", "at", "once", "."}},
      {"pet", {"P", "fed", "the", "*", ",", "and", "*", "fell", "asleep", "."}},
      {"thing", {"P", "showed", "everybody", "the", "*", "*", "."}},
      {"thing", {"P", "looked", "for", "the", "*", "*", "and", "found", "it", "."}},
      {"work", {"years", "later", "P", "became", "a", "*", "."}},
      {"work", {"what", "will", "P", "be", "?", "a", "*", "."}},
  };
  return patterns;
}

/// The person and the starred places of `words` from `first` on, when they go as the pattern does.
bool match(const Words& words, std::size_t first, const Pattern& pattern, std::string& person,
           std::vector<std::size_t>& places) {
  if (first + pattern.words.size() > words.size()) return false;
  places.clear();
  for (std::size_t i = 0; i < pattern.words.size(); ++i) {
    const std::string& wanted = pattern.words[i];
    if (wanted == "P") {
      person = words[first + i];
    } else if (wanted == "*") {
      places.push_back(first + i);
    } else if (wanted != words[first + i]) {
      return false;
    }
  }
  return person[0] >= 'A' && person[0] <= 'Z';
}

/// How far back the clue of each word lies, found by reading.
std::vector<int> read_clues(const Words& words) {
  std::vector<int> clues(words.size(), 0);
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> told;  // person, kind -> places
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && words[i - 1] != "." && words[i - 1] != "\n") continue;  // a sentence begins after those
    std::string person;
    std::vector<std::size_t> places;
    for (const Pattern& pattern : tellings()) {
      if (match(words, i, pattern, person, places)) told[{person, pattern.kind}] = places;
    }
    for (const Pattern& pattern : questions()) {
      if (!match(words, i, pattern, person, places)) continue;
      const auto& from = told.at({person, pattern.kind});
      for (std::size_t n = 0; n < places.size(); ++n) clues[places[n]] = static_cast<int>(places[n] - from.at(n));
    }
  }
  return clues;
}

}  // namespace

TEST_CASE("tales have the same tokens and clues on every platform", "[tales][portable]") {
  const Language language;
  REQUIRE(hash(language.tell(1000, 1).tokens) == 0xe703bec946a9c466U);
  REQUIRE(hash(language.tell(1000, 1).clues) == 0xddd0f57d3e5e1a96U);
  REQUIRE(hash(language.tell(20000, 2, 4096).tokens) == 0x98c3c27c730273dbU);
  REQUIRE(hash(language.tell(20000, 2, 4096).clues) == 0x5d706bbd681cef8cU);
}

TEST_CASE("tales are told in a few hundred words, each once in the list", "[tales]") {
  const Language language;
  REQUIRE(language.words().size() == 296);
  REQUIRE(std::set<std::string>(language.words().begin(), language.words().end()).size() == 296);
  std::vector<bool> used(language.words().size(), false);
  for (const int token : language.tell(100000, 4, 1000).tokens) used.at(static_cast<std::size_t>(token)) = true;
  for (std::size_t i = 0; i < used.size(); ++i) {
    CAPTURE(language.words()[i]);
    REQUIRE(used[i]);
    REQUIRE(language.token(language.words()[i]) == static_cast<int>(i));
  }
}

TEST_CASE("every clue of a tale is the last telling of what is asked, and nothing else has a clue", "[tales]") {
  const Language language;
  for (const auto& [length, seed, farthest] :
       {std::array<std::size_t, 3>{256, 1, 256}, {256, 2, 64}, {5000, 3, 5000}, {100000, 4, 4096}}) {
    const Tale tale = language.tell(length, seed, farthest);
    REQUIRE(tale.tokens.size() == length);
    REQUIRE(tale.clues.size() == length);
    const std::vector<int> found = read_clues(words_of(language, tale));
    for (std::size_t i = 0; i + 12 < length; ++i) {  // the last sentence may be cut short
      CAPTURE(length, seed, i);
      REQUIRE(tale.clues[i] == found[i]);
    }
    for (std::size_t i = 0; i < length; ++i) {
      const int clue = tale.clues[i];
      if (clue > 0) REQUIRE(tale.tokens.at(i - static_cast<std::size_t>(clue)) == tale.tokens[i]);
    }
  }
}

TEST_CASE("each doubling of the distance of a clue is about as frequent as the others", "[tales]") {
  const Language language;
  const Tale tale = language.tell(200000, 5, 4096);
  std::array<int, 13> count{};  // [2^n, 2^(n+1))
  for (int clue : tale.clues) {
    if (clue == 0) continue;
    std::size_t doublings = 0;
    while ((clue /= 2) > 0) ++doublings;
    ++count.at(doublings);
  }
  // Nine doublings from 8 to 4096 share some 13,000 clues; sentences around them add some 16 tokens, which moves those
  // of the nearest doubling into the next.
  for (std::size_t n = 5; n < 12; ++n) {
    CAPTURE(n, count[n]);
    REQUIRE(count[n] > 1200);
    REQUIRE(count[n] < 2800);
  }
  REQUIRE(count[12] < 100);
}

TEST_CASE("a tale of another length begins alike where its clues reach as far, another seed tells another", "[tales]") {
  const Language language;
  const Tale whole = language.tell(3000, 6, 500);
  const Tale part = language.tell(700, 6, 500);
  REQUIRE(std::vector<int>(whole.tokens.begin(), whole.tokens.begin() + 700) == part.tokens);
  REQUIRE(language.tell(700, 7, 500).tokens != part.tokens);
  REQUIRE(language.tell(0, 1).tokens.empty());
  REQUIRE(language.tell(1, 1).tokens == std::vector<int>{language.token("\n")});
}

TEST_CASE("tales as text have capitals and no space in front of a sign", "[tales]") {
  const Language language;
  std::vector<int> tokens;
  for (const char* word : {"\n", "where", "does", "Anna", "live", "?", "near", "the", "lake", ".", "\n", "once"}) {
    tokens.push_back(language.token(word));
  }
  REQUIRE(language.text(tokens) == "\nWhere does Anna live? Near the lake.\nOnce");
}
