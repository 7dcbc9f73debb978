//! `count_words`: a dictionary of words.

use std::collections::BTreeMap;

use super::calls_so_far;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{returns, text, text_named};
use crate::runner::Language;
use crate::value::Value;

/// The exercise.
pub static COUNT_WORDS: Exercise = Exercise {
    id: "count_words",
    station: "python-essentials",
    task: "Count how often each word occurs in text, and return a dict from word to count.\n\
           Pieces between white space (blanks, tabs, line ends) are words once they are in lower case and the characters\n\
           of string.punctuation are stripped from both ends: \"Don't!\" is the word don't.\n\
           A piece of which nothing is left, like a lone dash, is no word. An empty text gives {}.",
    languages: &[Language::Python],
    signature: Signature {
        name: "count_words",
        parameters: &[text_named("text", "any text")],
        returns: Parameter {
            name: "counts",
            kind: Kind::Python("dict[str, int]"),
            meaning: "how often each word occurs",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no count below 1", violated: count_below_one }],
    hints: &[
        "Print text.split() and text.split(\" \") for a text with two blanks in a row. Which one do you want?",
        "For each piece of text.lower().split(): word = piece.strip(string.punctuation). If there is anything left, \
         counts[word] = counts.get(word, 0) + 1. Begin with counts = {} inside the function.",
        "\"The cat - the end.\" has the pieces the, cat, -, the, end. with a full stop. Stripped: the, cat, nothing, the, \
         end. The result is {'the': 2, 'cat': 1, 'end': 1}.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let arguments = |text: &str| vec![Value::Text(text.into())];
    vec![
        Probe::ordinary("one sentence", arguments("the cat and the hat")),
        Probe::ordinary("capitals and punctuation", arguments("To be, or not to be: that is the question.")),
        Probe::ordinary("four lines", arguments("One fish,\ntwo fish,\nred fish,\nblue fish.")),
        Probe::ordinary(
            "punctuation inside words",
            arguments("Don't stop! \"Don't stop\" is a well-known song (well-known to you)."),
        ),
        Probe::hard("an empty text", arguments("")),
        Probe::hard("only blanks", arguments("   ")),
        Probe::hard("two blanks in a row, blanks at the ends", arguments(" a  b a ")),
        Probe::hard("lone dashes", arguments("yes - no -- yes ... ?")),
        Probe::hard("tabs and line ends", arguments("a\tb\r\na\n\nb\tc\n")),
        Probe::hard("a word inside another", arguments("other mother, the moth and the other")),
        Probe::hard("numbers", arguments("3.14 is not 3,14 and not 314; 3.14!")),
        Probe::hard("letters with accents", arguments("Ärger über ärger: Éclair éclair")),
        Probe::hard("a single word", arguments("WORD")),
    ]
}

fn stripped(piece: &str) -> &str {
    piece.trim_matches(|c: char| c.is_ascii_punctuation())
}

fn counted<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_string()).or_insert(0) += 1;
    }
    counts
}

fn dictionary(counts: BTreeMap<String, i64>) -> Outcome {
    let entries = counts.into_iter().map(|(word, count)| (word, Value::Int(count)));
    returns(Value::Dictionary(entries.collect()))
}

fn right(text: &str) -> BTreeMap<String, i64> {
    counted(text.to_lowercase().split_whitespace().map(stripped).filter(|word| !word.is_empty()))
}

fn reference(arguments: &[Value]) -> Outcome {
    dictionary(right(text(arguments, 0)))
}

/// The right counts with every count changed.
fn with_counts(arguments: &[Value], change: impl Fn(&str, i64) -> i64) -> Outcome {
    let counts = right(text(arguments, 0));
    dictionary(counts.into_iter().map(|(word, count)| (word.clone(), change(&word, count))).collect())
}

fn count_below_one(_: &[Value], result: &Value) -> Option<String> {
    let Value::Dictionary(counts) = result else { return None };
    let low = counts.iter().find(|(_, count)| matches!(count, Value::Int(count) if *count < 1))?;
    Some(format!("the count of {:?} is not at least 1", low.0))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "default-shared-by-calls",
        title: "the counts of earlier calls are still there: the dict is made once and shared by all calls",
        explanation: "In def count_words(text, counts={}) the default is made when the function is defined, not when it is \
                      called; a dict outside the function is shared in the same way. Write counts = {} inside.",
        question: "How often is the line that makes your dict executed when the function is called twice?",
        see: ("corey-python", "basics block: functions"),
        behaviour: |arguments| {
            let calls = calls_so_far(probes(), arguments);
            let everything: Vec<&str> = calls.iter().map(|call| text(call, 0)).collect();
            dictionary(right(&everything.join(" ")))
        },
    },
    Misconception {
        id: "case-kept",
        title: "capitals are kept: The and the are two words",
        explanation: "A word at the start of a sentence is the same word. text.lower() returns a new string; calling it \
                      without using what it returns changes nothing.",
        question: "What does your code do with what lower() returns?",
        see: ("corey-python", "basics block: strings"),
        behaviour: |arguments| {
            dictionary(counted(text(arguments, 0).split_whitespace().map(stripped).filter(|word| !word.is_empty())))
        },
    },
    Misconception {
        id: "punctuation-kept",
        title: "punctuation stays at the words: be, and be: are two words",
        explanation: "split() cuts at white space only. Strip string.punctuation from both ends of each piece; like all \
                      methods of strings, strip returns a new one.",
        question: "Which keys of your dict end in a comma or a full stop?",
        see: ("corey-python", "basics block: strings"),
        behaviour: |arguments| dictionary(counted(text(arguments, 0).to_lowercase().split_whitespace())),
    },
    Misconception {
        id: "punctuation-removed-inside",
        title: "punctuation is removed inside words too: don't becomes dont",
        explanation: "replace and translate work on the whole string. strip works on its two ends only: the apostrophe of \
                      don't and the hyphen of well-known belong to the word.",
        question: "What becomes of 3.14 in your code?",
        see: ("corey-python", "basics block: strings"),
        behaviour: |arguments| {
            let text: String = text(arguments, 0).to_lowercase();
            let text: String = text.chars().filter(|c| !c.is_ascii_punctuation()).collect();
            dictionary(counted(text.split_whitespace()))
        },
    },
    Misconception {
        id: "empty-words-counted",
        title: "pieces of which nothing is left are counted as a word, the empty one",
        explanation: "A lone dash is a piece between blanks, and stripping leaves ''. The empty string is false in a \
                      condition: if word: counts it only when there is something.",
        question: "Is '' among the keys of your dict?",
        see: ("corey-python", "basics block: conditionals"),
        behaviour: |arguments| dictionary(counted(text(arguments, 0).to_lowercase().split_whitespace().map(stripped))),
    },
    Misconception {
        id: "split-at-blanks-only",
        title: "the text is cut at blanks only: words on both sides of a line end or a tab stay together",
        explanation: "split(\" \") cuts at each single blank, and at nothing else. split() without an argument cuts at any run \
                      of white space: blanks, tabs, line ends.",
        question: "Does any key of your dict contain a line end?",
        see: ("corey-python", "basics block: strings"),
        behaviour: |arguments| {
            let text = text(arguments, 0).to_lowercase();
            dictionary(counted(text.split(' ').map(stripped).filter(|word| !word.is_empty())))
        },
    },
    Misconception {
        id: "letters-for-words",
        title: "letters are counted in place of words",
        explanation: "A loop over a string walks over its characters. Cut it into a list of words first: for word in \
                      text.split().",
        question: "What does for x in \"cat\" give you, one after the other?",
        see: ("corey-python", "basics block: loops"),
        behaviour: |arguments| {
            let letters: Vec<String> = text(arguments, 0).to_lowercase().chars().map(String::from).collect();
            dictionary(counted(letters.iter().map(|letter| stripped(letter)).filter(|letter| !letter.is_empty())))
        },
    },
    Misconception {
        id: "first-occurrence-not-counted",
        title: "a new word starts at 0: every count is one too low",
        explanation: "When a word is met for the first time it has been met once. counts.get(word, 0) + 1 is right both for \
                      new words and for known ones.",
        question: "What does your dict say about a word that occurs once?",
        see: ("corey-python", "basics block: dictionaries"),
        behaviour: |arguments| with_counts(arguments, |_, count| count - 1),
    },
    Misconception {
        id: "count-overwritten",
        title: "every count is 1: the entry is written anew each time",
        explanation: "counts[word] = 1 forgets what was there. Add to it: counts[word] = counts.get(word, 0) + 1.",
        question: "What happens in your code when a word comes for the second time?",
        see: ("corey-python", "basics block: dictionaries"),
        behaviour: |arguments| with_counts(arguments, |_, _| 1),
    },
    Misconception {
        id: "substrings-counted",
        title: "occurrences inside other words are counted too: the is found in other",
        explanation: "text.count(word) looks for letters, not for words. Count the pieces of split() instead; it is also much \
                      faster, since the text is walked once and not once per word.",
        question: "How often does your function find the in \"other mother\"?",
        see: ("corey-python", "basics block: strings"),
        behaviour: |arguments| {
            let text = text(arguments, 0).to_lowercase();
            with_counts(arguments, |word, _| text.matches(word).count() as i64)
        },
    },
];
