//! The digit room: what one's own network makes of a drawing, layer by layer, while it is drawn.

use image::{DynamicImage, GrayImage};
use striate_nn::Context;
use striate_tensor::Tensor;
use striate_train::{Predictor, RunStore};

use super::control::{Control, Kind, Picture, Values};
use super::pane::{Bytes, Content, Frame, Notice, Pane, Size, Tile, Tone};
use super::{Lab, Session};
use crate::runs::digit_readers;

/// The lab.
pub const LAB: Lab = Lab {
    id: "digits",
    title: "Digit room",
    about: "Draw a digit. Your network says which it is while you draw, and every layer shows what it sees.",
    tries: &[
        "Draw a 7 with and without the bar. Which feature maps change?",
        "Draw a 4 and close its top slowly: at which point does it become a 9?",
        "Draw very small, or in a corner: what the network sees stays the same. Why?",
        "Draw a letter. The network has no “none of these”; what does it say, and how surely?",
    ],
    controls: &[
        Control {
            id: "drawing",
            label: "Your digit",
            help: "Mouse, finger or pen; or arrow keys, and Space to put the pen down. Ctrl+Z undoes a stroke, Delete clears.",
            default: "",
            kind: Kind::Drawing,
        },
        Control { id: "run", label: "Network", help: "Finished runs that read digits.", default: "", kind: Kind::Run },
    ],
    actions: &[],
    open: |runs| Box::new(DigitRoom { runs: runs.clone(), loaded: None }),
};

struct DigitRoom {
    runs: RunStore,
    loaded: Option<(String, Predictor)>,
}

impl Session for DigitRoom {
    fn update(&mut self, values: &Values) -> Frame {
        if let Err(text) = self.load(values.text("run")) {
            return Frame::warning(text);
        }
        let Some((_, predictor)) = &self.loaded else { return Frame::default() };
        let blank = vec![0; 28 * 28];
        let drawing = values.text("drawing");
        let prepared = (!drawing.is_empty()).then(|| prepare(predictor, drawing));
        let is_drawn = matches!(prepared, Some(Ok(_)));
        let (seen, notice) = match prepared {
            None => (blank, None),
            Some(Ok(seen)) => (seen, None),
            Some(Err(text)) => (blank, Some(Notice { tone: Tone::Info, text })),
        };
        Frame { notice, ..Frame::of(panes(predictor, &seen, is_drawn)) }
    }
}

impl DigitRoom {
    /// Makes sure that the run of this id, or the newest, is loaded.
    fn load(&mut self, id: &str) -> Result<(), String> {
        if self.loaded.as_ref().is_some_and(|(loaded, _)| loaded == id) {
            return Ok(());
        }
        let readers = digit_readers(&self.runs);
        let wanted = readers.iter().find(|run| run.id() == id).or(readers.first());
        let run = wanted.ok_or("There is no network that reads digits yet. Train one first.")?;
        let predictor = Predictor::load(run).map_err(|error| error.to_string())?;
        self.loaded = Some((id.to_owned(), predictor));
        Ok(())
    }
}

fn prepare(predictor: &Predictor, drawing: &str) -> Result<Vec<u8>, String> {
    let picture = Picture::parse(drawing)?;
    let (width, height) = (picture.width as u32, picture.height as u32);
    let grey = GrayImage::from_raw(width, height, picture.pixels).ok_or("the picture is damaged")?;
    predictor.input().prepare(&DynamicImage::ImageLuma8(grey)).map_err(|error| error.to_string())
}

/// The answer, the network's input and every layer. Of an empty sheet the layers show what a blank image gives, so that
/// nothing jumps when the first stroke comes.
fn panes(predictor: &Predictor, seen: &[u8], is_drawn: bool) -> Vec<Pane> {
    let context = Context::capture();
    let prediction = predictor.forward(seen, &context);
    let labels = predictor.input().class_names.clone();
    let (values, marked) = if is_drawn {
        (prediction.probabilities.iter().map(|p| *p as f32).collect(), Some(prediction.index))
    } else {
        (vec![0.0; labels.len()], None)
    };
    let answer = if is_drawn { format!("It says {}", prediction.class) } else { "What it says".to_owned() };
    let mut panes = vec![
        Pane::new("answer", answer, Content::Bars { labels, values, marked }),
        Pane::new(
            "seen",
            "What the network sees",
            Content::Image { width: 28, height: 28, channels: 1, pixels: Bytes(seen.to_vec()), inspectable: false },
        )
        .caption("28 × 28, as in MNIST: cropped, 20 pixels long, centred by mass.")
        .size(Size::Small),
    ];
    let model = predictor.model();
    for (path, output) in context.captured() {
        let about = model.get(&path).map_or(String::new(), |module| module.describe());
        // A reshape shows nothing new.
        if !about.starts_with("Flatten") {
            panes.extend(layer(&path, &about, &output));
        }
    }
    panes
}

fn layer(path: &str, about: &str, output: &Tensor) -> Option<Pane> {
    let values = output.to_vec::<f32>();
    // One scale for the whole layer: a map that is silent looks silent.
    let most = values.iter().fold(1e-6_f32, |most, value| most.max(value.abs()));
    let byte = |value: &f32| (128.0 + 127.0 * value / most).round() as u8;
    let (width, height, maps) = match *output.shape() {
        [1, channels, height, width] => (width, height, channels),
        [1, features] => (features.min(32), features.div_ceil(32), 1),
        _ => return None,
    };
    let tile = |index: usize| {
        let area = width * height;
        let mut pixels: Vec<u8> = values.iter().skip(index * area).take(area).map(byte).collect();
        pixels.resize(area, 128);
        Tile { label: String::new(), pixels: Bytes(pixels), marked: false }
    };
    let content = Content::Gallery { width, height, signed: true, tiles: (0..maps).map(tile).collect() };
    let shape =
        if maps > 1 { format!("{maps} maps of {height} × {width}") } else { format!("{} numbers", values.len()) };
    Some(Pane::new(format!("layer-{path}"), path, content).caption(format!("{about}: {shape}")).size(Size::Wide))
}
