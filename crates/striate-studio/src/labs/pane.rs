//! What a lab shows. A pane is data; `static/panes.js` knows how to draw each kind, so a new lab needs no new script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// Bytes that travel as base64 inside JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

/// One picture of a gallery: `width * height` grey bytes, row by row.
#[derive(Clone, Debug, Serialize)]
pub struct Tile {
    /// Name under the picture; may be empty.
    pub label: String,
    /// Pixels.
    pub pixels: Bytes,
    /// Drawn with a frame that stands out.
    pub marked: bool,
}

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<[f64; 2]>,
}

/// A point of a class.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClassPoint {
    /// Horizontal coordinate.
    pub x: f32,
    /// Vertical coordinate, up.
    pub y: f32,
    /// Class, from zero.
    pub class: usize,
}

/// A straight line `a x + b y + c = 0`; the side where it is positive is the one it "fires" on.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Coefficients a, b, c.
    pub coefficients: [f32; 3],
    /// What it belongs to.
    pub label: String,
    /// Drawn stronger than the others.
    pub marked: bool,
}

/// A node of a graph, placed in the unit square.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Horizontal place, 0 to 1.
    pub x: f32,
    /// Vertical place, 0 (top) to 1.
    pub y: f32,
    /// Short name.
    pub label: String,
    /// Drawn stronger than the others.
    pub marked: bool,
}

/// An edge between two nodes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Edge {
    /// Index of the node it leaves.
    pub from: usize,
    /// Index of the node it enters.
    pub to: usize,
    /// Thickness and colour: sign and size.
    pub weight: f32,
}

/// The content of a pane.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// A grey or colour picture, shown with square pixels.
    Image {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
        /// 1 (grey) or 3 (colour).
        channels: usize,
        /// `width * height * channels` bytes.
        pixels: Bytes,
        /// The pointer and the arrow keys move a cell over it, and the lab is asked about that cell.
        inspectable: bool,
    },
    /// A small matrix with its numbers written in the cells.
    HeatMap {
        /// Columns.
        columns: usize,
        /// Values, row by row.
        values: Vec<f64>,
        /// Value shown darkest and brightest; with `signed`, zero is the neutral colour.
        range: [f64; 2],
        /// Two-sided colours.
        signed: bool,
        /// The pointer and the arrow keys move a cell over it.
        inspectable: bool,
    },
    /// Curves over a shared axis.
    Plot {
        /// Curves.
        series: Vec<Series>,
        /// Name of the horizontal axis.
        x: String,
        /// Name of the vertical axis.
        y: String,
    },
    /// Points of classes in the plane over a background of probabilities, with lines.
    Scatter {
        /// Points.
        points: Vec<ClassPoint>,
        /// x0, x1, y0, y1 of the picture.
        domain: [f32; 4],
        /// Side of the square background, in cells; 0 for none.
        side: usize,
        /// `side * side` bytes from the top row: 0 is class 0, 255 is class 1.
        background: Bytes,
        /// Lines.
        lines: Vec<Line>,
    },
    /// Nodes and weighted edges.
    Graph {
        /// Nodes.
        nodes: Vec<Node>,
        /// Edges.
        edges: Vec<Edge>,
    },
    /// Several pictures of one size, such as the feature maps of a layer.
    Gallery {
        /// Pixels across, each.
        width: usize,
        /// Pixels down, each.
        height: usize,
        /// Two-sided colours around 128.
        signed: bool,
        /// Pictures.
        tiles: Vec<Tile>,
    },
    /// Named shares between 0 and 1.
    Bars {
        /// Names.
        labels: Vec<String>,
        /// Shares.
        values: Vec<f32>,
        /// Index of the one to stand out.
        marked: Option<usize>,
    },
    /// A line of text, such as a sum written out.
    Text {
        /// The text.
        text: String,
    },
}

/// A pane: where it goes, what it is called, what it shows.
#[derive(Clone, Debug, Serialize)]
pub struct Pane {
    /// Stays the same from frame to frame.
    pub id: String,
    /// Heading.
    pub title: String,
    /// One line under the picture; may be empty.
    pub caption: String,
    /// Small panes share a row, wide ones take it.
    pub size: Size,
    /// What is shown.
    #[serde(flatten)]
    pub content: Content,
}

/// How much room a pane wants.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Several in a row.
    Small,
    /// Two in a row.
    Medium,
    /// A row of its own.
    Wide,
}

impl Pane {
    /// A medium pane without caption.
    pub fn new(id: impl Into<String>, title: impl Into<String>, content: Content) -> Self {
        Pane { id: id.into(), title: title.into(), caption: String::new(), size: Size::Medium, content }
    }

    /// The same with a caption.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// The same with another size.
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }
}

/// A rectangle of cells to outline on a pane.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// Pane it lies on.
    pub pane: String,
    /// Top row; may lie outside (padding).
    pub row: isize,
    /// Left column; may lie outside.
    pub column: isize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Something worth knowing.
    Info,
    /// Something went wrong, and why.
    Warning,
}

/// A text over the panes.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// How urgent.
    pub tone: Tone,
    /// What happened, and what to try.
    pub text: String,
}

/// What a lab sends at once.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Frame {
    /// Panes to show or to replace, in order.
    pub panes: Vec<Pane>,
    /// True: panes that are not in this frame are removed.
    pub complete: bool,
    /// Outlines, replacing all earlier ones.
    pub marks: Vec<Mark>,
    /// A text over the panes; none clears it when `complete`.
    pub notice: Option<Notice>,
    /// One line of numbers, such as epoch and loss.
    pub status: Option<String>,
    /// Whether the lab is moving by itself.
    pub running: bool,
}

impl Frame {
    /// A frame that shows exactly these panes.
    pub fn of(panes: Vec<Pane>) -> Self {
        Frame { panes, complete: true, ..Frame::default() }
    }

    /// A frame that shows only why there is nothing to show.
    pub fn warning(text: impl Into<String>) -> Self {
        Frame { complete: true, notice: Some(Notice { tone: Tone::Warning, text: text.into() }), ..Frame::default() }
    }
}
