//! The kernel lab: a window slides over an image, multiplies and adds.
//!
//! The filter is the one of `striate-image`; hovering asks for the numbers under the window of one output pixel.

use ndarray::{Array2, ArrayView2};
use striate_image::filter::{Border, FilterOptions, convolve2d_with, correlate2d_with, flip};

use super::control::{Cell, Control, Kernel, Kind, Values};
use super::pane::{Bytes, Content, Frame, Mark, Notice, Pane, Size, Tone};
use super::{Lab, Session, images};

/// Pictures up to this side are shown with their numbers.
const LEGIBLE: usize = 16;

/// The lab.
pub const LAB: Lab = Lab {
    id: "kernel",
    title: "Kernel lab",
    about: "A small window slides over an image; its numbers are multiplied with the pixels below and added up. \
            Change them and see what the sum finds.",
    tries: &[
        "Choose the impulse image and switch between correlation and convolution: which of the two gives the kernel back as it is?",
        "Take Sobel x on the camera. Where is the output positive, where negative, and why is the sky zero?",
        "Set the padding to 0 and count the output's rows; then stride 2. Does (H + 2p − k) / s + 1 agree?",
        "With the box kernel, compare the borders: zeros darken the frame, reflect does not.",
    ],
    controls: &[
        Control {
            id: "image",
            label: "Image",
            help: "Small ones show their numbers. Your own picture stays on this computer.",
            default: "camera",
            kind: Kind::Image(images::CHOICES),
        },
        Control {
            id: "kernel",
            label: "Kernel",
            help: "Type numbers; 1/9 is one too.",
            default: "-1,0,1;-2,0,2;-1,0,1",
            kind: Kind::KernelGrid(PRESETS),
        },
        Control {
            id: "operation",
            label: "Operation",
            help: "Convolution turns the kernel by 180° first; deep learning's “convolution” is correlation.",
            default: "correlation",
            kind: Kind::Choice(&[("correlation", "Correlation"), ("convolution", "Convolution")]),
        },
        Control {
            id: "stride",
            label: "Stride",
            help: "How far the window moves each time.",
            default: "1",
            kind: Kind::Slider { min: 1.0, max: 4.0, step: 1.0, logarithmic: false },
        },
        Control {
            id: "padding",
            label: "Padding",
            help: "Pixels added on each side.",
            default: "1",
            kind: Kind::Slider { min: 0.0, max: 4.0, step: 1.0, logarithmic: false },
        },
        Control {
            id: "border",
            label: "Border",
            help: "What the added pixels are.",
            default: "zeros",
            kind: Kind::Choice(&[
                ("zeros", "Zeros"),
                ("replicate", "Replicate"),
                ("reflect", "Reflect"),
                ("mirror", "Mirror"),
                ("wrap", "Wrap"),
            ]),
        },
        Control {
            id: "show",
            label: "Show output",
            help: "Signed: zero is neutral, plus and minus have a colour each.",
            default: "auto",
            kind: Kind::Choice(&[
                ("auto", "Auto"),
                ("clip", "Clipped to 0–255"),
                ("stretch", "Stretched"),
                ("signed", "Signed"),
            ]),
        },
    ],
    actions: &[],
    open: |_| Box::new(KernelLab::default()),
};

const PRESETS: &[(&str, &str, &str)] = &[
    ("identity", "Identity", "0,0,0;0,1,0;0,0,0"),
    ("box", "Box (mean)", "1/9,1/9,1/9;1/9,1/9,1/9;1/9,1/9,1/9"),
    ("gaussian", "Gaussian 3 × 3", "1/16,2/16,1/16;2/16,4/16,2/16;1/16,2/16,1/16"),
    (
        "gaussian5",
        "Gaussian 5 × 5",
        "1/256,4/256,6/256,4/256,1/256;4/256,16/256,24/256,16/256,4/256;6/256,24/256,36/256,24/256,6/256;\
         4/256,16/256,24/256,16/256,4/256;1/256,4/256,6/256,4/256,1/256",
    ),
    ("sharpen", "Sharpen", "0,-1,0;-1,5,-1;0,-1,0"),
    ("sobel-x", "Sobel x", "-1,0,1;-2,0,2;-1,0,1"),
    ("sobel-y", "Sobel y", "-1,-2,-1;0,0,0;1,2,1"),
    ("laplacian", "Laplacian", "0,1,0;1,-4,1;0,1,0"),
    ("shift", "Shift", "0,0,0;0,0,1;0,0,0"),
    ("ramp", "1 to 9", "1,2,3;4,5,6;7,8,9"),
];

#[derive(Default)]
struct KernelLab {
    shown: Option<Filtered>,
}

/// One answer of the lab: everything needed to explain any of its pixels.
struct Filtered {
    image: Array2<f64>,
    /// As it is laid on the image: already turned for convolution.
    kernel: Array2<f64>,
    options: FilterOptions,
    output: Array2<f64>,
    cell: (usize, usize),
}

impl Session for KernelLab {
    fn update(&mut self, values: &Values) -> Frame {
        let earlier = self.shown.take().map(|shown| shown.cell);
        match Filtered::new(values, earlier) {
            Ok(shown) => {
                let frame = shown.frame(values.text("show"));
                self.shown = Some(shown);
                frame
            }
            Err(text) => Frame::warning(text),
        }
    }

    fn inspect(&mut self, cell: &Cell) -> Option<Frame> {
        let shown = self.shown.as_mut()?;
        shown.cell = match cell.pane.as_str() {
            "output" => (cell.row, cell.column),
            _ => shown.output_under(cell.row, cell.column),
        };
        let last = shown.output.dim();
        shown.cell = (shown.cell.0.min(last.0 - 1), shown.cell.1.min(last.1 - 1));
        Some(Frame { panes: shown.window_panes(), marks: shown.marks(), ..Frame::default() })
    }
}

impl Filtered {
    fn new(values: &Values, earlier: Option<(usize, usize)>) -> Result<Self, String> {
        let image = images::load(values.text("image"))?;
        let kernel = Kernel::parse(values.text("kernel"))?;
        let kernel = Array2::from_shape_vec((kernel.rows, kernel.columns), kernel.values).map_err(|e| e.to_string())?;
        let (stride, padding) = (values.count("stride").max(1), values.count("padding"));
        let border = match values.text("border") {
            "replicate" => Border::Replicate,
            "reflect" => Border::Reflect,
            "mirror" => Border::Mirror,
            "wrap" => Border::Wrap,
            _ => Border::Constant(0.0),
        };
        let options = FilterOptions { stride: [stride; 2], padding: [padding; 2], border };
        let turned = values.text("operation") == "convolution";
        let filter = if turned { convolve2d_with } else { correlate2d_with };
        let output = filter(image.view(), kernel.view(), options).map_err(|error| error.to_string())?;
        let kernel = if turned { flip(kernel.view()).to_owned() } else { kernel };
        let (height, width) = output.dim();
        let cell =
            earlier.map_or((height / 3, width * 2 / 5), |(row, column)| (row.min(height - 1), column.min(width - 1)));
        Ok(Filtered { image, kernel, options, output, cell })
    }

    fn frame(&self, show: &str) -> Frame {
        let (height, width) = self.image.dim();
        let (rows, columns) = self.output.dim();
        let low = self.output.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.output.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ([vertical, _], [padding, _]) = (self.options.stride, self.options.padding);
        let (kernel_rows, kernel_columns) = self.kernel.dim();
        let input = picture("input", "Input", self.image.view(), Scale { range: [0.0, 255.0], signed: false })
            .caption(format!("{height} × {width}, grey levels 0 to 255"));
        let output = picture("output", "Output", self.output.view(), Scale::of(show, low, high)).caption(format!(
            "⌊({height} + 2·{padding} − {kernel_rows}) / {vertical}⌋ + 1 = {rows} rows, \
             ⌊({width} + 2·{padding} − {kernel_columns}) / {vertical}⌋ + 1 = {columns} columns; from {} to {}",
            short(low),
            short(high)
        ));
        let mut panes = vec![input, output];
        panes.extend(self.window_panes());
        let mut frame = Frame { marks: self.marks(), ..Frame::of(panes) };
        if self.kernel.nrows().is_multiple_of(2) || self.kernel.ncols().is_multiple_of(2) {
            frame.notice = Some(Notice {
                tone: Tone::Info,
                text: "A kernel with an even side has no middle: its output lies between the input's pixels."
                    .to_owned(),
            });
        }
        frame
    }

    /// Top left corner of the window of an output cell, in input coordinates; may be negative.
    fn corner(&self, (row, column): (usize, usize)) -> (isize, isize) {
        let at = |index: usize, axis: usize| {
            (index * self.options.stride[axis]) as isize - self.options.padding[axis] as isize
        };
        (at(row, 0), at(column, 1))
    }

    /// The output cell whose window is centred nearest to an input pixel.
    fn output_under(&self, row: usize, column: usize) -> (usize, usize) {
        let (kernel_rows, kernel_columns) = self.kernel.dim();
        let at = |index: usize, axis: usize, side: usize| {
            (index + self.options.padding[axis]).saturating_sub(side / 2) / self.options.stride[axis]
        };
        (at(row, 0, kernel_rows), at(column, 1, kernel_columns))
    }

    fn marks(&self) -> Vec<Mark> {
        let (row, column) = self.corner(self.cell);
        let (height, width) = self.kernel.dim();
        vec![
            Mark { pane: "input".to_owned(), row, column, height, width },
            Mark {
                pane: "output".to_owned(),
                row: self.cell.0 as isize,
                column: self.cell.1 as isize,
                height: 1,
                width: 1,
            },
        ]
    }

    fn window(&self) -> Array2<f64> {
        let (top, left) = self.corner(self.cell);
        let (height, width) = self.image.dim();
        Array2::from_shape_fn(self.kernel.dim(), |(u, v)| {
            let row = self.options.border.source_index(top + u as isize, height);
            let column = self.options.border.source_index(left + v as isize, width);
            row.zip(column).map_or(0.0, |place| self.image[place])
        })
    }

    fn window_panes(&self) -> Vec<Pane> {
        let window = self.window();
        let products = &window * &self.kernel;
        let largest = |values: &Array2<f64>| values.iter().fold(1e-12_f64, |most, value| most.max(value.abs()));
        let (row, column) = self.cell;
        let result = self.output[self.cell];
        vec![
            matrix("window", "Under the window", &window, [0.0, 255.0], false),
            matrix(
                "weights",
                "× kernel, as laid on",
                &self.kernel,
                [-largest(&self.kernel), largest(&self.kernel)],
                true,
            ),
            matrix("products", "= products", &products, [-largest(&products), largest(&products)], true),
            Pane::new(
                "sum",
                format!("Output row {row}, column {column}"),
                Content::Text { text: written_sum(&products, result) },
            )
            .size(Size::Wide),
        ]
    }
}

/// How values become brightness.
struct Scale {
    range: [f64; 2],
    signed: bool,
}

impl Scale {
    fn of(show: &str, low: f64, high: f64) -> Self {
        let most = low.abs().max(high.abs()).max(1e-12);
        let signed = Scale { range: [-most, most], signed: true };
        let clipped = Scale { range: [0.0, 255.0], signed: false };
        match show {
            "signed" => signed,
            "stretch" => Scale { range: [low, if high > low { high } else { low + 1.0 }], signed: false },
            "clip" => clipped,
            _ if low < -1e-9 => signed,
            _ if high > 256.0 => Scale { range: [0.0, high], signed: false },
            _ => clipped,
        }
    }

    fn byte(&self, value: f64) -> u8 {
        let [low, high] = self.range;
        ((value - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8
    }
}

fn picture(id: &str, title: &str, values: ArrayView2<'_, f64>, scale: Scale) -> Pane {
    let (height, width) = values.dim();
    if height <= LEGIBLE && width <= LEGIBLE {
        let content = Content::HeatMap {
            columns: width,
            values: values.iter().copied().collect(),
            range: scale.range,
            signed: scale.signed,
            inspectable: true,
        };
        return Pane::new(id, title, content);
    }
    let grey = values.iter().map(|value| scale.byte(*value));
    let (channels, pixels) = if scale.signed { (3, grey.flat_map(two_sided).collect()) } else { (1, grey.collect()) };
    Pane::new(id, title, Content::Image { width, height, channels, pixels: Bytes(pixels), inspectable: true })
}

/// Blue below zero, near white at zero, orange above: the colours `static/panes.js` uses for signed numbers.
fn two_sided(byte: u8) -> [u8; 3] {
    let share = (f64::from(byte) - 127.5) / 127.5;
    let end = if share < 0.0 { [33.0, 92.0, 176.0] } else { [201.0, 84.0, 20.0] };
    end.map(|channel: f64| (247.0 + (channel - 247.0) * share.abs().powf(0.75)).round() as u8)
}

fn matrix(id: &str, title: &str, values: &Array2<f64>, range: [f64; 2], signed: bool) -> Pane {
    let content = Content::HeatMap {
        columns: values.ncols(),
        values: values.iter().copied().collect(),
        range,
        signed,
        inspectable: false,
    };
    Pane::new(id, title, content).size(Size::Small)
}

fn written_sum(products: &Array2<f64>, result: f64) -> String {
    let mut text = String::new();
    for (index, product) in products.iter().enumerate() {
        let sign = if *product < 0.0 { "−" } else { "+" };
        match (index, sign) {
            (0, "+") => {}
            (0, _) => text.push('−'),
            _ => text.push_str(&format!(" {sign} ")),
        }
        text.push_str(&short(product.abs()));
    }
    format!("{text} = {}", short(result))
}

/// At most three decimals, no trailing zeros, a true minus sign.
fn short(value: f64) -> String {
    let text = format!("{:.3}", value + 0.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::new(
            LAB.controls,
            &pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        )
    }

    fn numbers(frame: &Frame, id: &str) -> Vec<f64> {
        match &frame.panes.iter().find(|pane| pane.id == id).unwrap().content {
            Content::HeatMap { values, .. } => values.clone(),
            other => panic!("{id} is {other:?}"),
        }
    }

    #[test]
    fn the_window_explains_the_output_for_every_setting() {
        for operation in ["correlation", "convolution"] {
            for border in ["zeros", "replicate", "reflect", "mirror", "wrap"] {
                for (stride, padding) in [("1", "0"), ("1", "1"), ("2", "3"), ("3", "2")] {
                    let settings = [
                        ("image", "corner"),
                        ("kernel", "1,2,3;4,5,6"),
                        ("operation", operation),
                        ("border", border),
                        ("stride", stride),
                        ("padding", padding),
                    ];
                    let mut filtered = Filtered::new(&values(&settings), None).unwrap();
                    for cell in filtered.output.indexed_iter().map(|(cell, _)| cell).collect::<Vec<_>>() {
                        filtered.cell = cell;
                        let sum = (&filtered.window() * &filtered.kernel).sum();
                        assert!((sum - filtered.output[cell]).abs() < 1e-9, "{settings:?} at {cell:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_impulse_gives_the_kernel_back_under_convolution_and_turned_under_correlation() {
        let around = |operation| {
            let mut lab = KernelLab::default();
            let frame =
                lab.update(&values(&[("image", "impulse"), ("kernel", "1,2,3;4,5,6;7,8,9"), ("operation", operation)]));
            let output = numbers(&frame, "output");
            (3..6)
                .flat_map(|row| output[row * 9 + 3..row * 9 + 6].to_vec())
                .map(|value| value / 255.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(around("convolution"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(around("correlation"), [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    }

    #[test]
    fn a_kernel_larger_than_the_image_is_explained() {
        let big = ["1,1,1,1,1,1,1,1,1"; 9].join(";");
        let mut lab = KernelLab::default();
        let frame = lab.update(&values(&[("image", "step"), ("kernel", &big), ("padding", "0")]));
        assert!(frame.panes.is_empty());
        assert!(frame.notice.unwrap().text.contains("does not fit"));
        assert!(lab.inspect(&Cell { pane: "output".to_owned(), row: 0, column: 0 }).is_none());
    }

    #[test]
    fn sums_are_written_out() {
        assert_eq!(written_sum(&ndarray::array![[-1.0, 0.5], [0.0, -2.25]], -2.75), "−1 + 0.5 + 0 − 2.25 = −2.75");
    }
}
