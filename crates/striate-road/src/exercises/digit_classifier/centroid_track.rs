//! `centroid_track`: following a coloured pen tip through a film.

use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView3, Axis, Ix1, Ix4, s};
use striate_image::color::rgb_to_hsv;
use striate_image::components::{Connectivity, bounding_box, largest};
use striate_image::moments::centroid;

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{bytes, f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CENTROID_TRACK: Exercise = Exercise {
    id: "centroid_track",
    station: "digit-classifier",
    task: "Follow a coloured pen tip: for each frame return the row and the column of its centre.\n\
           A pixel belongs to the colour if hue, saturation and value lie from lo to hi, both ends included. Hue is in\n\
           degrees, 0 to 360 (red 0, green 120, blue 240); saturation and value are from 0 to 1. If lo's hue is larger than\n\
           hi's, the range goes through 360: from lo up to 360 and from 0 up to hi.\n\
           Of these pixels take the largest connected blob (neighbours are the eight around a pixel) and return the mean\n\
           of its pixels' rows and columns. If no pixel has the colour, both are NaN.",
    signature: Signature {
        name: "centroid_track",
        parameters: &[
            Parameter {
                name: "frames",
                kind: Kind::Array { element: Element::U8, axes: &["T", "H", "W", "3"] },
                meaning: "T frames; red, green, blue, 0 to 255",
            },
            f64_array("lo", &["3"], "lowest hue (degrees), saturation and value"),
            f64_array("hi", &["3"], "highest hue (degrees), saturation and value"),
        ],
        returns: f64_array("track", &["T", "2"], "row and column per frame, NaN where the pen is hidden"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Take one frame and count: how many pixels have the colour, how many blobs do they form, how large is each?",
        "max and min of the three channels give value = max / 255, saturation = (max - min) / max, and the hue from the \
         channel that is the largest: red 60 * (g - b) / (max - min), green 120 + 60 * (b - r) / (max - min), blue \
         240 + 60 * (r - g) / (max - min), plus 360 if negative. A grey pixel has hue 0. For blobs, start at an unvisited \
         pixel of the colour and spread to its eight neighbours until none is left.",
        "The pixel (200, 50, 100): max 200, min 50, red is the largest: hue = 60 * (50 - 100) / 150 = -20, that is 340; \
         saturation = 150 / 200 = 0.75; value = 200 / 255 = 0.78. A red pen (lo 330, hi 20) must accept it.",
    ],
    ..Exercise::DEFAULTS
};

const RED: [u8; 3] = [220, 30, 60];
const GREEN: [u8; 3] = [40, 200, 70];
const GREY: [u8; 3] = [120, 120, 120];

/// A scene: frames of one size on a background.
struct Scene(Array4<u8>);

impl Scene {
    fn new(shape: [usize; 3], background: [u8; 3]) -> Self {
        Scene(Array4::from_shape_fn((shape[0], shape[1], shape[2], 3), |(.., channel)| background[channel]))
    }

    fn pixel(mut self, frame: usize, place: [usize; 2], color: [u8; 3]) -> Self {
        self.0.slice_mut(s![frame, place[0], place[1], ..]).assign(&Array1::from(color.to_vec()));
        self
    }

    fn blob(mut self, frame: usize, from: [usize; 2], size: [usize; 2], color: [u8; 3]) -> Self {
        for i in 0..size[0] {
            for j in 0..size[1] {
                self = self.pixel(frame, [from[0] + i, from[1] + j], color);
            }
        }
        self
    }

    fn arguments(self, lo: [f64; 3], hi: [f64; 3]) -> Vec<Value> {
        vec![self.0.into(), Array1::from(lo.to_vec()).into(), Array1::from(hi.to_vec()).into()]
    }
}

fn probes() -> Vec<Probe> {
    let green = ([80.0, 0.4, 0.3], [160.0, 1.0, 1.0]);
    let red = ([330.0, 0.4, 0.3], [20.0, 1.0, 1.0]);
    let moving = Scene::new([3, 5, 7], GREY).blob(0, [1, 1], [2, 3], GREEN).blob(1, [2, 3], [2, 3], GREEN).blob(
        2,
        [0, 4],
        [2, 3],
        GREEN,
    );
    let noisy = Scene::new([2, 7, 9], GREY)
        .blob(0, [1, 5], [3, 2], GREEN)
        .pixel(0, [6, 0], GREEN)
        .pixel(0, [5, 2], GREEN)
        .blob(1, [3, 1], [2, 2], GREEN)
        .pixel(1, [0, 8], GREEN);
    let reddish = Scene::new([2, 5, 8], GREY)
        .blob(0, [1, 4], [2, 3], RED)
        .blob(1, [2, 1], [2, 2], [220, 60, 30])
        .pixel(1, [2, 3], RED);
    let hidden = Scene::new([3, 5, 7], GREY).blob(0, [1, 4], [2, 2], GREEN).blob(2, [3, 0], [1, 3], GREEN);
    let steps = (0..6).fold(Scene::new([1, 8, 9], GREY), |scene, i| scene.pixel(0, [i, i + 1], GREEN));
    let diagonal = steps.blob(0, [6, 0], [2, 2], GREEN);
    let pale = Scene::new([1, 6, 7], GREY).blob(0, [3, 1], [3, 2], [190, 200, 190]).blob(0, [0, 4], [2, 2], GREEN);
    let dark = Scene::new([1, 6, 7], GREY).blob(0, [0, 1], [3, 3], [4, 40, 8]).blob(0, [4, 4], [2, 2], GREEN);
    let black = Scene::new([1, 4, 5], [0, 0, 0]).blob(0, [1, 2], [2, 2], RED);
    let corner = Scene::new([1, 6, 7], GREY).blob(0, [1, 1], [4, 1], GREEN).blob(0, [4, 2], [1, 4], GREEN);
    vec![
        Probe::ordinary("a green block that moves over three frames", moving.arguments(green.0, green.1)),
        Probe::ordinary("a green block with specks of noise", noisy.arguments(green.0, green.1)),
        Probe::ordinary("a red pen: hues on both sides of 0", reddish.arguments(red.0, red.1)),
        Probe::ordinary("a pen that is hidden in the second frame", hidden.arguments(green.0, green.1)),
        Probe::ordinary("an L-shaped pen", corner.arguments(green.0, green.1)),
        Probe::ordinary("a larger pale patch beside the pen", pale.arguments(green.0, green.1)),
        Probe::ordinary("a larger dark patch beside the pen", dark.arguments(green.0, green.1)),
        Probe::hard("a stroke that holds together by its corners only", diagonal.arguments(green.0, green.1)),
        Probe::hard("a black background", black.arguments(red.0, red.1)),
        Probe::hard("a film of 8 frames with noise", film().arguments(red.0, red.1)),
    ]
}

/// A red disc on a circle through random colours.
fn film() -> Scene {
    let mut numbers = Numbers::stream(511);
    let (frames, height, width) = (8, 23, 29);
    let mut scene = Scene::new([frames, height, width], GREY);
    scene.0.mapv_inplace(|_| numbers.integer(60, 200) as u8);
    for frame in 0..frames {
        let angle = frame as f64 * 0.7;
        let (y, x) = (11.0 + 6.0 * angle.sin(), 14.0 + 8.0 * angle.cos());
        for i in 0..height {
            for j in 0..width {
                if (i as f64 - y).hypot(j as f64 - x) < 3.3 {
                    scene = scene.pixel(frame, [i, j], RED);
                }
            }
        }
    }
    scene
}

/// How a frame is searched; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Search {
    wraps: bool,
    uses: [bool; 3],
    reversed: bool,
    connectivity: Option<Connectivity>,
    center: fn(&Array2<bool>) -> Option<[f64; 2]>,
    hidden: Hidden,
}

#[derive(Clone, Copy)]
enum Hidden {
    Nan,
    Zero,
    LastSeen,
}

const RIGHT: Search = Search {
    wraps: true,
    uses: [true; 3],
    reversed: false,
    connectivity: Some(Connectivity::Eight),
    center: center_of_mass,
    hidden: Hidden::Nan,
};

fn center_of_mass(mask: &Array2<bool>) -> Option<[f64; 2]> {
    centroid(mask.mapv(u8::from).view())
}

fn center_of_box(mask: &Array2<bool>) -> Option<[f64; 2]> {
    let (rows, columns) = bounding_box(mask.view())?;
    Some([rows, columns].map(|range| (range.start + range.end - 1) as f64 / 2.0))
}

impl Search {
    fn mask(self, frame: ArrayView3<'_, u8>, lo: ArrayView1<'_, f64>, hi: ArrayView1<'_, f64>) -> Array2<bool> {
        let frame = if self.reversed { frame.slice_move(s![.., .., ..;-1]) } else { frame };
        let hsv = rgb_to_hsv(frame.mapv(|v| f64::from(v) / 255.0).view()).expect("three channels");
        hsv.map_axis(Axis(2), |pixel| {
            let values = [pixel[0] * 360.0, pixel[1], pixel[2]];
            let inside = |at: usize| (lo[at]..=hi[at]).contains(&values[at]);
            let hue = if self.wraps && lo[0] > hi[0] { values[0] >= lo[0] || values[0] <= hi[0] } else { inside(0) };
            let within = [hue, inside(1), inside(2)];
            within.iter().zip(self.uses).all(|(&within, used)| within || !used)
        })
    }

    fn run(self, arguments: &[Value]) -> Outcome {
        let frames = bytes::<Ix4>(arguments, 0);
        let (lo, hi) = (floats::<Ix1>(arguments, 1), floats::<Ix1>(arguments, 2));
        let mut track = Array2::from_elem((frames.shape()[0], 2), f64::NAN);
        let mut last = [f64::NAN; 2];
        for (frame, mut row) in frames.outer_iter().zip(track.outer_iter_mut()) {
            let mask = self.mask(frame, lo, hi);
            let blob = match self.connectivity {
                Some(connectivity) => largest(mask.view(), connectivity),
                None => Some(mask),
            };
            let place = blob.and_then(|blob| (self.center)(&blob)).unwrap_or(match self.hidden {
                Hidden::Nan => [f64::NAN; 2],
                Hidden::Zero => [0.0; 2],
                Hidden::LastSeen => last,
            });
            last = place;
            row[0] = place[0];
            row[1] = place[1];
        }
        returns(track)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.run(arguments)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "hue-wrap-ignored",
        title: "a range of hues that goes through 360 finds nothing",
        explanation: "Hue is an angle: red lies on both sides of 0. No number is at least 330 and at most 20; when lo is larger \
                      than hi, a hue fits if it is above lo or below hi.",
        question: "Which hues are red?",
        see: ("gonzalez-dip", "6.2 Color models"),
        behaviour: |arguments| Search { wraps: false, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "blobs-averaged",
        title: "all pixels of the colour are averaged, specks of noise included",
        explanation: "One stray pixel far away pulls the mean off the pen. Take the largest connected blob first.",
        question: "What happens to your point when one pixel in the opposite corner has the colour?",
        see: ("ivlabs-digit", "the whole project: HSV threshold and centroid tracking"),
        behaviour: |arguments| Search { connectivity: None, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "axes-swapped",
        title: "the column comes first and the row second",
        explanation: "(x, y) is the order of drawing libraries; arrays, and this task, say row and column: (y, x).",
        question: "When the pen moves down, which of your two numbers grows?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| {
            Search { center: |mask| center_of_mass(mask).map(|[row, column]| [column, row]), ..RIGHT }.run(arguments)
        },
    },
    Misconception {
        id: "box-centered",
        title: "the centre of the blob's bounding box is returned",
        explanation: "The box does not know where in it the pixels are: one spike moves it by half its length. The mean over \
                      the pixels moves by next to nothing.",
        question: "Where is the centre of an L?",
        see: ("ivlabs-digit", "the whole project: HSV threshold and centroid tracking"),
        behaviour: |arguments| Search { center: center_of_box, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "zero-when-hidden",
        title: "a frame without the pen gives (0, 0)",
        explanation: "(0, 0) is a place: the top left pixel, and the track would jump there. NaN says that there is no place, \
                      and nobody can compute on with it by mistake.",
        question: "How can the reader of your track tell a hidden pen from one in the corner?",
        see: ("ivlabs-digit", "the whole project: HSV threshold and centroid tracking"),
        behaviour: |arguments| Search { hidden: Hidden::Zero, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "last-seen-kept",
        title: "a frame without the pen repeats the last place it was seen at",
        explanation: "That is a guess, and a tracker may make it later; here a hidden pen must be reported as hidden: NaN.",
        question: "What do you return for a frame in which no pixel has the colour?",
        see: ("ivlabs-digit", "the whole project: HSV threshold and centroid tracking"),
        behaviour: |arguments| Search { hidden: Hidden::LastSeen, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "channels-reversed",
        title: "the channels are read as blue, green, red",
        explanation: "OpenCV loads BGR, nearly everything else RGB, these frames too. Red and blue change places, so the hue \
                      is mirrored.",
        question: "What hue do you compute for the pixel (255, 0, 0)?",
        see: ("gonzalez-dip", "6.2 Color models"),
        behaviour: |arguments| Search { reversed: true, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "saturation-ignored",
        title: "saturation is not compared",
        explanation: "A nearly grey pixel has some hue too, one that noise decides. The lower bound on saturation keeps grey \
                      walls out.",
        question: "How many of lo's three numbers does your code use?",
        see: ("gonzalez-dip", "6.2 Color models"),
        behaviour: |arguments| Search { uses: [true, false, true], ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "value-ignored",
        title: "value (brightness) is not compared",
        explanation: "Dark pixels have a hue and often a high saturation, but nobody sees their colour. The lower bound on \
                      value keeps shadows out.",
        question: "How many of lo's three numbers does your code use?",
        see: ("gonzalez-dip", "6.2 Color models"),
        behaviour: |arguments| Search { uses: [true, true, false], ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "diagonals-not-connected",
        title: "only the four direct neighbours hold a blob together",
        explanation: "A thin slanted stroke touches itself at corners only and falls apart into single pixels. With eight \
                      neighbours it is one blob.",
        question: "Are two pixels that share a corner neighbours in your search?",
        see: ("gonzalez-dip", "2.5 Some basic relationships between pixels"),
        behaviour: |arguments| Search { connectivity: Some(Connectivity::Four), ..RIGHT }.run(arguments),
    },
];
