//! The mistakes of a model as one picture: each image with `truth>answer confidence` below it, classes by number.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use striate_data::Dataset;

use crate::Mistake;

const COLUMNS: u32 = 8;
/// Side of an image on the sheet, and the height of its caption, in pixels.
const TILE: u32 = 84;
const CAPTION: u32 = 22;
const GAP: u32 = 8;
const GROUND: Rgb<u8> = Rgb([246, 246, 243]);
const INK: Rgb<u8> = Rgb([40, 40, 40]);

/// The sheet as a PNG file.
pub(crate) fn png(dataset: &Dataset, mistakes: &[Mistake]) -> Vec<u8> {
    let columns = COLUMNS.min(mistakes.len().max(1) as u32);
    let rows = (mistakes.len() as u32).div_ceil(columns);
    let mut sheet = RgbImage::from_pixel(columns * (TILE + GAP) + GAP, rows * (TILE + CAPTION + GAP) + GAP, GROUND);
    for (number, mistake) in mistakes.iter().enumerate() {
        let (column, row) = (number as u32 % columns, number as u32 / columns);
        let (left, top) = (GAP + column * (TILE + GAP), GAP + row * (TILE + CAPTION + GAP));
        draw_image(&mut sheet, dataset, mistake.image, (left, top));
        let (truth, answer) = mistake.classes;
        let percent = (mistake.confidence * 100.0).floor() as u32;
        draw_text(&mut sheet, &format!("{truth}>{answer} {percent}%"), (left, top + TILE + 4));
    }
    let mut bytes = Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, ImageFormat::Png).expect("memory takes every picture");
    bytes.into_inner()
}

fn draw_image(sheet: &mut RgbImage, dataset: &Dataset, index: usize, (left, top): (u32, u32)) {
    let image = dataset.image(index);
    let plane = dataset.height * dataset.width;
    let longest = dataset.height.max(dataset.width) as u32;
    for y in 0..TILE * dataset.height as u32 / longest {
        for x in 0..TILE * dataset.width as u32 / longest {
            let (from_x, from_y) = ((x * longest / TILE) as usize, (y * longest / TILE) as usize);
            let at = from_y.min(dataset.height - 1) * dataset.width + from_x.min(dataset.width - 1);
            let channel = |c: usize| image[if dataset.channels == 3 { c * plane + at } else { at }];
            sheet.put_pixel(left + x, top + y, Rgb([channel(0), channel(1), channel(2)]));
        }
    }
}

/// Rows of 3 × 5 dots, top first, for the characters of a caption.
fn glyph(character: char) -> [u8; 5] {
    match character {
        '0' => [0b111, 0b101, 0b101, 0b101, 0b111],
        '1' => [0b010, 0b110, 0b010, 0b010, 0b111],
        '2' => [0b111, 0b001, 0b111, 0b100, 0b111],
        '3' => [0b111, 0b001, 0b111, 0b001, 0b111],
        '4' => [0b101, 0b101, 0b111, 0b001, 0b001],
        '5' => [0b111, 0b100, 0b111, 0b001, 0b111],
        '6' => [0b111, 0b100, 0b111, 0b101, 0b111],
        '7' => [0b111, 0b001, 0b010, 0b010, 0b010],
        '8' => [0b111, 0b101, 0b111, 0b101, 0b111],
        '9' => [0b111, 0b101, 0b111, 0b001, 0b111],
        '>' => [0b100, 0b010, 0b001, 0b010, 0b100],
        '%' => [0b101, 0b001, 0b010, 0b100, 0b101],
        _ => [0; 5],
    }
}

fn draw_text(sheet: &mut RgbImage, text: &str, (left, top): (u32, u32)) {
    const DOT: u32 = 3;
    for (place, character) in text.chars().enumerate() {
        for (row, bits) in glyph(character).into_iter().enumerate() {
            for column in (0..3u32).filter(|column| bits & (0b100 >> column) != 0) {
                let (x, y) = (left + place as u32 * 4 * DOT + column * DOT, top + row as u32 * DOT);
                for (dx, dy) in (0..DOT * DOT).map(|dot| (dot % DOT, dot / DOT)) {
                    if x + dx < sheet.width() {
                        sheet.put_pixel(x + dx, y + dy, INK);
                    }
                }
            }
        }
    }
}
