//! The speed of a right function on a large input: a hint, never a failure.

use super::report::{Report, Speed, Status};
use super::{Running, show};
use crate::exercise::{Exercise, Kind};
use crate::runner::{Call, Language};

/// In Rust a plain loop is what a good answer is made of; only one that is much slower has something to learn.
const ASKED_OF_RUST: f64 = 0.25;

/// Measures a function that passed, where the exercise asks for speed.
pub(super) fn measure(exercise: &Exercise, language: Language, subject: &mut Running<'_>, report: &mut Report) {
    let (Some(speed), Status::Passed) = (exercise.speed, report.status) else { return };
    let Ok(step) = subject.session.naive_step() else { return };
    let tuple = matches!(exercise.signature.returns.kind, Kind::Tuple(_));
    let arguments = (speed.arguments)();
    let call = Call { arguments: &arguments, strided: false, tuple };
    // The first call may still pay for what later ones have.
    let seconds = (0..2).map_while(|_| subject.session.call(&call).ok().map(|returned| returned.seconds));
    let seconds = seconds.min_by(f64::total_cmp);
    let asked = if language == Language::Rust { ASKED_OF_RUST } else { speed.times_faster };
    let found = judge(seconds, step * speed.naive_steps, asked);
    report.message = words(language, &found);
    report.speed = Some(found);
}

fn judge(seconds: Option<f64>, loop_seconds: f64, asked: f64) -> Speed {
    let enough = seconds.is_some_and(|seconds| seconds * asked <= loop_seconds);
    Speed { seconds, loop_seconds, asked, enough }
}

fn words(language: Language, speed: &Speed) -> String {
    let Speed { seconds, loop_seconds, asked, enough } = *speed;
    let time = |seconds: f64| match seconds * 1e3 {
        ms if ms < 0.1 => format!("{} ms", show::number_text((ms * 1e4).round() / 1e4)),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 100.0 => format!("{ms:.0} ms"),
        _ => format!("{seconds:.2} s"),
    };
    let taken =
        seconds.map_or("did not come to an end in time".to_string(), |seconds| format!("takes {}", time(seconds)));
    let beside = format!(
        "On a large input your function {taken}; a plain loop in {language} needs about {}.",
        time(loop_seconds)
    );
    match (enough, language) {
        (true, _) => beside,
        (false, Language::Python) => format!(
            "{beside}\nA hint about speed: with whole arrays in place of loops it can be {asked} times as fast as that loop. \
             Which of your loops only says \"for every element\"? It is right as it is; this changes nothing about that."
        ),
        (false, Language::Rust) => format!(
            "{beside}\nA hint about speed: is something computed, or copied, again in an inner loop that could be done once? \
             It is right as it is; this changes nothing about that."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_a_hint_with_numbers() {
        let slow = judge(Some(0.5), 1.0, 8.0);
        assert!(!slow.enough);
        let text = words(Language::Python, &slow);
        assert!(
            text.starts_with("On a large input your function takes 0.50 s; a plain loop in Python needs about 1.00 s.")
        );
        assert!(text.contains("8 times as fast"), "{text}");
        assert!(judge(Some(0.125), 1.0, 8.0).enough);
        assert!(!judge(None, 1.0, 8.0).enough);
        assert!(
            words(Language::Rust, &judge(None, 0.02, 0.25))
                .contains("did not come to an end in time; a plain loop in Rust needs about 20 ms")
        );
    }
}
