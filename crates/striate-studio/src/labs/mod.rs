//! Labs: things to try, declared in Rust.
//!
//! A [`Lab`] is a list of controls and a [`Session`] that turns their values into panes. The page around it, the
//! controls, the drawing of the panes, the state in the address and the connection are the same for every lab.

pub mod control;
pub mod digits;
pub mod images;
pub mod kernel;
pub mod network;
pub mod pane;
mod points;
mod two_layer;

use control::{Cell, Control, Values};
use pane::Frame;
use striate_train::RunStore;

/// A button of a lab.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Name in messages.
    pub id: &'static str,
    /// Text on the button.
    pub label: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
}

/// One open page of a lab. It lives on a thread of its own and may compute for a while.
pub trait Session: Send {
    /// The learner changed something (also called once at the start).
    fn update(&mut self, values: &Values) -> Frame;

    /// The pointer is on a cell of an inspectable pane.
    fn inspect(&mut self, _cell: &Cell) -> Option<Frame> {
        None
    }

    /// A button was pressed.
    fn act(&mut self, _action: &str) -> Option<Frame> {
        None
    }

    /// Called again and again while the last frame was `running`.
    fn advance(&mut self) -> Option<Frame> {
        None
    }
}

/// A lab.
pub struct Lab {
    /// Stable id, part of its address.
    pub id: &'static str,
    /// Name.
    pub title: &'static str,
    /// What there is to see, in one or two sentences.
    pub about: &'static str,
    /// Things to try, each one sentence.
    pub tries: &'static [&'static str],
    /// What can be changed.
    pub controls: &'static [Control],
    /// Buttons.
    pub actions: &'static [Action],
    /// Opens a session; the runs are there for labs that show a trained network.
    pub open: fn(&RunStore) -> Box<dyn Session>,
}

impl Lab {
    /// Where its page is.
    pub fn address(&self) -> String {
        // The digit room is a room of its own, with an offer to train a network.
        if self.id == digits::LAB.id { "/digits".to_owned() } else { format!("/labs/{}", self.id) }
    }
}

/// Every lab, in the order of the road.
pub const LABS: &[Lab] = &[kernel::LAB, network::LAB, digits::LAB];

/// The lab of that id.
pub fn find(id: &str) -> Option<&'static Lab> {
    LABS.iter().find(|lab| lab.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stations and their texts name labs by these.
    #[test]
    fn the_road_knows_the_labs_by_their_ids_and_titles() {
        let here: Vec<_> = LABS.iter().map(|lab| (lab.id, lab.title)).collect();
        let road = striate_road::Road::embedded();
        let there: Vec<_> = road.labs().iter().map(|lab| (lab.id.as_str(), lab.title.as_str())).collect();
        assert_eq!(here, there);
    }
}
