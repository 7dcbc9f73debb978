//! Model solutions against the references, in both languages.
mod closeness;
use std::path::Path;
use striate_road::exercise::Outcome;
use striate_road::exercises;
use striate_road::runner::{Call, Language, Returned, RunOptions, runner};

#[test]
fn solutions() {
    let mut bad = 0;
    for exercise in exercises::all() {
        for language in Language::ALL {
            let ext = if language == Language::Python { "py" } else { "rs" };
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(
                "../../road/stations/{}/{}/{}.{ext}",
                exercise.station,
                language.id(),
                exercise.id
            ));
            let options = RunOptions { python: Some("/work/plan/sci-venv/bin/python".into()), ..Default::default() };
            let mut session =
                match runner(language).open(&exercise.signature, &file.canonicalize().unwrap_or(file), &options) {
                    Ok(session) => session,
                    Err(error) => {
                        println!("{} {language}: {error:?}", exercise.id);
                        bad += 1;
                        continue;
                    }
                };
            let started = std::time::Instant::now();
            let mut fails = 0;
            for probe in (exercise.probes)() {
                let tuple = matches!(exercise.signature.returns.kind, striate_road::exercise::Kind::Tuple(_));
                for strided in [false, true] {
                    let result = session.call(&Call { arguments: &probe.arguments, strided, tuple });
                    let want = (exercise.reference)(&probe.arguments);
                    let ok = match (&result, &want) {
                        (Ok(returned), Outcome::Value(want)) => {
                            closeness::same_value(&returned.value, want, exercise.tolerance)
                        }
                        (Err(_), Outcome::Rejects(_)) => true,
                        _ => false,
                    };
                    if !ok {
                        fails += 1;
                        println!(
                            "{} {language} {:?}: {}",
                            exercise.id,
                            probe.label,
                            format!("{:?} want {:?}", result.map(|r: Returned| r.value), want)
                                .chars()
                                .take(1500)
                                .collect::<String>()
                        );
                    }
                }
            }
            bad += fails;
            println!(
                "{} {language}: {} in {:?}",
                exercise.id,
                if fails == 0 { "ok" } else { "WRONG" },
                started.elapsed()
            );
        }
    }
    assert_eq!(bad, 0);
}
