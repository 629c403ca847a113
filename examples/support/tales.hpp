// SPDX-License-Identifier: MIT
/// Short tales from a grammar: text to train on without a download, the same on every platform.
///
///     Once there was a brave girl named Greta. Greta lived near the mill. Greta had a red kite. It rained all day, and
///     Greta stayed inside. [...] At night Greta went home to the mill.
///
/// Whatever a person has (a home, a pet, ...) is told once and comes back later, some tokens to some thousands of
/// tokens further on. The word can only be known from the place where it was told; a tale says for each token how far
/// back that is. Who was asked for everything may be told of anew: the last telling counts.
#ifndef POSENC_EXAMPLES_TALES_HPP
#define POSENC_EXAMPLES_TALES_HPP

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace tales {

struct Tale {
  std::vector<int> tokens;  // a token is a word, a sign, or a new line
  std::vector<int> clues;   // clues[i] > 0: token i repeats what token i - clues[i] told; 0 where nothing was told
};

/// The grammar. A template is a line of words; $word draws from the list of that name, $person and $other are people of
/// the tale, $she and $her go with the person, and @word is what was told of the person.
struct Grammar {
  using Lines = std::vector<std::string>;

  /// What can be told of a person, and how it comes back.
  struct Attribute {
    Lines told;
    Lines asked;
  };

  std::map<std::string, std::string> lists = {
      {"woman",
       "Anna Berta Clara Dora Emma Frida Greta Hanna Ida Julia Karin Lena Mona Nora Olga Paula Rosa Sara Tilda "
       "Vera"},
      {"man",
       "Adam Bruno Carl David Emil Felix Gustav Hugo Ivan Jakob Karl Leo Martin Nils Otto Peter Robert Simon Theo "
       "Victor"},
      {"home",
       "lake mill bridge forest hill river castle harbor market well tower garden meadow bakery barn farm school "
       "beach cave pond"},
      {"food",
       "plums bread honey soup cheese cherries pears nuts cake pancakes apples berries beans carrots grapes figs "
       "noodles jam"},
      {"animal", "dog cat goat horse pony rabbit duck goose parrot hen mouse turtle"},
      {"pet", "Max Bella Rocky Luna Toby Daisy Finn Coco Buddy Molly Oscar Pepper Rusty Snowy Shadow Ginger"},
      {"color", "red blue green yellow white black brown gray pink purple golden silver"},
      {"thing", "kite ball drum boat hat coat lamp bell book cup ring basket mirror ladder flute wagon scarf key"},
      {"work", "baker sailor miller farmer fisher tailor painter weaver smith teacher doctor singer gardener dancer"},
      {"kind", "brave clever quiet cheerful lazy patient friendly shy proud curious"},
      {"mood", "happy sad tired sleepy glad lonely merry calm"},
      {"size", "big small tiny strange pretty little round heavy"},
      {"time", "morning day evening night week summer winter"},
      {"weather", "snowed rained stormed thundered"},
      {"skill", "swim dance sing read write climb paint count"},
  };

  Lines begin = {"once there was a $kind $girl named $person .", "there was once a $girl named $person .",
                 "far away lived a $kind $girl named $person ."};

  std::vector<Attribute> attributes = {
      {{"$person lived near the @home .", "$person had a house near the @home ."},
       {"at night $person went home to the @home .", "$person was tired and walked back to the @home .",
        "where does $person live ? near the @home ."}},
      {{"$person liked @food best .", "$person ate only @food ."},
       {"$person was hungry and asked for @food .", "for dinner there was what $person liked , @food .",
        "what does $person eat ? only @food ."}},
      {{"$person had a @animal named @pet .", "$person took care of a @animal named @pet ."},
       {"$person called the @animal , and @pet came at once .", "$person fed the @animal , and @pet fell asleep ."}},
      {{"$person had a @color @thing .", "somebody gave $person a @color @thing ."},
       {"$person showed everybody the @color @thing .", "$person looked for the @color @thing and found it ."}},
      {{"$person wanted to be a @work .", "$person dreamed of being a @work ."},
       {"years later $person became a @work .", "what will $person be ? a @work ."}},
  };

  Lines between = {"one $time $person met a $size $animal near the $home .",
                   "$person found a $size stone under a tree .",
                   "it $weather all $time , and $person stayed inside .",
                   "$person and $other played until it was dark .",
                   "$person told $other a story about a $animal and a $thing .",
                   "the wind blew over the $home , and $person was $mood .",
                   "$person tried to $skill , but it was too late .",
                   "that $time $other was $mood , and $person did not know why .",
                   "$person laughed , because $her hat was too $size .",
                   "it was a $size $thing that $other saw , said $person .",
                   "$other asked the way to the $home , and $person went along .",
                   "every $time $person taught $other to $skill .",
                   "the $animal was $size , and $she was $mood , $person said .",
                   "nobody was as $kind as $person ."};
};

/// Words as numbers, and tales made of them.
class Language {
 public:
  Language() {
    add("\n");
    for (const auto& list : grammar_.lists) lists_[list.first] = add(list.second);
    for (const char* more : {"girl boy she he her his"}) add(more);
    add_lines(grammar_.begin);
    add_lines(grammar_.between);
    for (const auto& attribute : grammar_.attributes) {
      add_lines(attribute.told);
      add_lines(attribute.asked);
    }
    women_ = lists_["woman"];
    people_ = women_;
    for (const int man : lists_["man"]) people_.push_back(man);
  }

  /// Every word; a token is its index.
  const std::vector<std::string>& words() const { return words_; }
  int token(const std::string& word) const { return numbers_.at(word); }

  /// `length` tokens. What is told comes back after up to `farthest` tokens, or a few more: drawn so that each doubling
  /// of the distance is as likely as the others.
  Tale tell(std::size_t length, std::uint64_t seed, std::size_t farthest) const {
    return Teller(*this, seed, farthest).tell(length);
  }
  Tale tell(std::size_t length, std::uint64_t seed) const { return tell(length, seed, length); }

  /// Tokens as text for people: capitals, and no space in front of a sign.
  std::string text(const std::vector<int>& tokens) const {
    std::string result;
    bool begins = true;
    for (const int token : tokens) {
      std::string word = words_.at(static_cast<std::size_t>(token));
      const bool sign = word == "." || word == "," || word == "?" || word == "\n";
      if (!sign && !result.empty() && result.back() != '\n') result += ' ';
      if (begins && !sign) word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
      result += word;
      begins = word == "." || word == "?" || (begins && sign);
    }
    return result;
  }

 private:
  // The numbers of the words of a line, new ones added.
  std::vector<int> add(const std::string& line) {
    std::vector<int> tokens;
    for (const std::string& word : split(line)) {
      const auto [place, is_new] = numbers_.emplace(word, static_cast<int>(words_.size()));
      if (is_new) words_.push_back(word);
      tokens.push_back(place->second);
    }
    return tokens;
  }
  void add_lines(const Grammar::Lines& lines) {
    for (const std::string& line : lines) {
      for (const std::string& word : split(line)) {
        if (word[0] != '$' && word[0] != '@') add(word);
      }
    }
  }
  static std::vector<std::string> split(const std::string& line) {
    if (line == "\n") return {line};
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
  }

  // Writes one tale.
  class Teller {
   public:
    Teller(const Language& language, std::uint64_t seed, std::size_t farthest)
        : language_(language), random_(seed), farthest_(farthest) {}

    Tale tell(std::size_t length) {
      write("\n", 0);
      while (tale_.tokens.size() < length) {
        const auto due =
            std::find_if(open_.begin(), open_.end(), [&](const Told& told) { return told.due <= tale_.tokens.size(); });
        if (due != open_.end()) {
          ask(*due);
          open_.erase(due);
        } else if (known_.size() < 2 || draw(4) > 0) {
          introduce();
        } else {
          const int person = one_of(known_);
          say(one_of(language_.grammar_.between), person, nullptr);
        }
      }
      tale_.tokens.resize(length);
      tale_.clues.resize(length);
      return tale_;
    }

   private:
    // An attribute of a person: its words, and where they were told.
    struct Told {
      int person;
      std::size_t attribute;
      std::map<std::string, std::size_t> places;
      std::size_t due;
    };

    std::size_t draw(std::size_t count) { return static_cast<std::size_t>(random_() % count); }
    template <typename Values>
    const typename Values::value_type& one_of(const Values& values) {
      return values[draw(values.size())];
    }
    void write(const std::string& word, std::size_t clue) { write(language_.token(word), clue); }
    void write(int token, std::size_t clue) {
      tale_.tokens.push_back(token);
      tale_.clues.push_back(static_cast<int>(clue));
    }

    // A new person, or one of whom nothing is left to ask, and two to four things about that person.
    void introduce() {
      const int person = one_of(language_.people_);
      for (const Told& told : open_) {
        if (told.person == person) return;
      }
      if (tale_.tokens.size() > 1) write("\n", 0);
      say(one_of(language_.grammar_.begin), person, nullptr);
      if (std::find(known_.begin(), known_.end(), person) == known_.end()) known_.push_back(person);
      const std::size_t kinds = language_.grammar_.attributes.size();
      const std::size_t first = draw(kinds);
      const std::size_t step = 1 + draw(kinds - 1);  // the number of kinds is a prime: all steps visit different ones
      for (std::size_t count = 2 + draw(3), n = 0; n < count; ++n) {
        Told told{person, (first + n * step) % kinds, {}, 0};
        say(one_of(language_.grammar_.attributes[told.attribute].told), person, &told);
        told.due = tale_.tokens.size() + distance();
        open_.push_back(told);
      }
    }

    // 8 to 15, 16 to 31, ... tokens, up to the farthest.
    std::size_t distance() {
      std::size_t doublings = 1;
      while ((std::size_t(8) << doublings) < farthest_) ++doublings;
      const std::size_t least = std::size_t(8) << draw(doublings);
      return least + draw(least);
    }

    void ask(Told told) { say(one_of(language_.grammar_.attributes[told.attribute].asked), told.person, &told); }

    // One sentence. A word of `told` is drawn where it has no place yet, and repeated where it has.
    void say(const std::string& line, int person, Told* told) {
      const auto& women = language_.women_;
      const bool woman = std::find(women.begin(), women.end(), person) != women.end();
      for (const std::string& word : split(line)) {
        const std::string name = word.substr(1);
        if (word == "$person") {
          write(person, 0);
        } else if (word == "$other") {
          int other = person;
          while (other == person) other = one_of(known_);
          write(other, 0);
        } else if (word == "$girl") {
          write(woman ? "girl" : "boy", 0);
        } else if (word == "$she") {
          write(woman ? "she" : "he", 0);
        } else if (word == "$her") {
          write(woman ? "her" : "his", 0);
        } else if (word[0] == '$') {
          write(one_of(language_.lists_.at(name)), 0);
        } else if (word[0] != '@') {
          write(word, 0);
        } else if (told->places.count(name) == 0) {
          told->places[name] = tale_.tokens.size();
          write(one_of(language_.lists_.at(name)), 0);
        } else {
          const std::size_t place = told->places.at(name);
          write(tale_.tokens[place], tale_.tokens.size() - place);
        }
      }
    }

    const Language& language_;
    std::mt19937_64 random_;  // its numbers are the standard's; no distribution of the standard library takes part
    std::size_t farthest_;
    Tale tale_;
    std::vector<int> known_;  // everybody so far
    std::vector<Told> open_;  // what was told and has not come back yet
  };

  Grammar grammar_;
  std::vector<std::string> words_;
  std::map<std::string, int> numbers_;
  std::map<std::string, std::vector<int>> lists_;
  std::vector<int> women_;
  std::vector<int> people_;
};

}  // namespace tales

#endif  // POSENC_EXAMPLES_TALES_HPP
