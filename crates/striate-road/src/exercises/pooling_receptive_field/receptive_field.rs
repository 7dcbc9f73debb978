//! `receptive_field`: how much of the image a unit sees.

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{float_named, i64_array, int_named, returns, whole_numbers};
use crate::value::Value;

/// The exercise.
pub static RECEPTIVE_FIELD: Exercise = Exercise {
    id: "receptive_field",
    station: "pooling-receptive-field",
    task: "Say what a unit of the last layer sees along one axis. Each row of `layers` is a convolution or pooling layer:\n\
           kernel, stride, padding, in the order in which the image passes them. Return\n\
           size: the number of pixels of the image, padding included, that can change the unit;\n\
           jump: how many pixels of the image lie between the fields of two neighbouring units;\n\
           start: where the centre of the first unit's field lies, in pixels; the centre of the image's first pixel is 0.0,\n\
           so even kernels give halves and padding can make it negative.\n\
           With no layers a unit is a pixel: size 1, jump 1, start 0.0.",
    signature: Signature {
        name: "receptive_field",
        parameters: &[i64_array("layers", &["L", "3"], "kernel, stride, padding of each layer")],
        returns: Parameter {
            name: "field",
            kind: Kind::Tuple(&[
                int_named("size", "pixels that a unit sees"),
                int_named("jump", "pixels from one unit's field to the next"),
                float_named("start", "centre of the first unit's field"),
            ]),
            meaning: "size, jump and start",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "is what propagating a single pixel through the layers shows",
        violated: not_measured,
    }],
    hints: &[
        "Draw two layers of kernel 3 with stride 1, then give the first one stride 2, and count the pixels below one unit.",
        "Carry size, jump and start from layer to layer. All three use the jump *before* the layer: \
         start += ((kernel - 1) / 2 - padding) * jump, size += (kernel - 1) * jump; then jump *= stride.",
        "Two layers of kernel 3, stride 2, padding 1.\n\
         First: start 0 + (1 - 1)*1 = 0, size 1 + 2*1 = 3, jump 2.\n\
         Second: start 0 + (1 - 1)*2 = 0, size 3 + 2*2 = 7, jump 4.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let probe = |label: &str, layers: &[[i64; 3]]| {
        Probe::ordinary(label, vec![Value::array(&[layers.len(), 3], layers.concat())])
    };
    let hard =
        |label: &str, layers: &[[i64; 3]]| Probe::hard(label, vec![Value::array(&[layers.len(), 3], layers.concat())]);
    let vgg_block = [[3, 1, 1], [3, 1, 1], [2, 2, 0]];
    let vgg: Vec<[i64; 3]> =
        vgg_block.into_iter().chain(vgg_block).chain([[3, 1, 1], [3, 1, 1], [3, 1, 1], [2, 2, 0]]).collect();
    vec![
        probe("one layer of kernel 3", &[[3, 1, 0]]),
        probe("one layer of kernel 5, padded by 2", &[[5, 1, 2]]),
        probe("two layers of kernel 3", &[[3, 1, 0], [3, 1, 0]]),
        probe("stride 2, then kernel 3", &[[3, 2, 0], [3, 1, 0]]),
        probe("two strides, padded", &[[3, 2, 1], [5, 3, 2], [3, 1, 1]]),
        probe("LeNet: kernels 5, pooling by 2", &[[5, 1, 2], [2, 2, 0], [5, 1, 0], [2, 2, 0]]),
        probe(
            "AlexNet up to its last pooling",
            &[[11, 4, 2], [3, 2, 0], [5, 1, 2], [3, 2, 0], [3, 1, 1], [3, 1, 1], [3, 1, 1], [3, 2, 0]],
        ),
        probe("three blocks of VGG-16", &vgg),
        hard("a 1 by 1 layer with a stride", &[[1, 2, 0], [3, 1, 1]]),
        hard("a stride larger than the kernel", &[[2, 3, 0], [2, 3, 0], [3, 1, 0]]),
        hard("more padding than the kernel needs", &[[3, 1, 3], [2, 2, 1]]),
        hard("no layers", &[]),
    ]
}

/// What a unit sees, layer by layer.
#[derive(Clone, Copy)]
struct Field {
    size: i64,
    jump: i64,
    start: f64,
}

const PIXEL: Field = Field { size: 1, jump: 1, start: 0.0 };

fn layers(arguments: &[Value]) -> Vec<[i64; 3]> {
    whole_numbers::<ndarray::Ix2>(arguments, 0).outer_iter().map(|row| [row[0], row[1], row[2]]).collect()
}

fn through(arguments: &[Value], first: Field, layer: impl FnMut(Field, [i64; 3]) -> Field) -> Outcome {
    let Field { size, jump, start } = layers(arguments).into_iter().fold(first, {
        let mut layer = layer;
        move |field, numbers| layer(field, numbers)
    });
    returns(Value::Tuple(vec![Value::Int(size), Value::Int(jump), Value::Float(start)]))
}

fn right(field: Field, [kernel, stride, pad]: [i64; 3]) -> Field {
    let Field { size, jump, start } = field;
    Field {
        size: size + (kernel - 1) * jump,
        jump: jump * stride,
        start: start + ((kernel - 1) as f64 / 2.0 - pad as f64) * jump as f64,
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    through(arguments, PIXEL, right)
}

/// Follows the first and the last pixel that unit `unit` sees back through the layers.
fn measured(layers: &[[i64; 3]], unit: i64) -> [i64; 2] {
    layers.iter().rev().fold([unit, unit], |[first, last], [kernel, stride, pad]| {
        [first * stride - pad, last * stride - pad + kernel - 1]
    })
}

fn not_measured(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let [Value::Int(size), Value::Int(jump), Value::Float(start)] = parts[..] else { return None };
    let layers = layers(arguments);
    let ([first, last], [next, _]) = (measured(&layers, 0), measured(&layers, 1));
    let field = (last - first + 1, next - first, (first + last) as f64 / 2.0);
    (field != (size, jump, start)).then(|| format!("followed back, unit 0 sees pixels {first} to {last}"))
}

const POST: (&str, &str) = ("cs231n", "notes: convolutional networks, convolutional layer and layer sizing patterns");
const BOOK: (&str, &str) = ("dlbook", "9.2 Motivation: receptive fields of deeper units");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "jump-multiplied-too-early",
        title: "the layer's own stride already counts for its own kernel",
        explanation: "The kernel of a layer steps over units of the layer *below*, which lie jump pixels apart. Its stride says how \
                      far its own outputs lie apart, which matters for the next layer: update the jump last.",
        question: "For one single layer of kernel 3 and stride 2, how many pixels does a unit see?",
        see: POST,
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| {
                let early = Field { jump: field.jump * layer[1], ..field };
                Field { jump: early.jump, ..right(early, layer) }
            })
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the strides are left out: every layer adds its kernel minus one",
        explanation: "Behind a stride of 2 neighbouring units lie 2 pixels apart, so a kernel of 3 reaches over 4 pixels more, not 2.",
        question: "After pooling by 2, how many pixels apart are two neighbours?",
        see: POST,
        behaviour: |arguments| {
            let size: i64 = layers(arguments).iter().map(|[kernel, ..]| kernel - 1).sum();
            through(arguments, PIXEL, |field, layer| Field { size: size + 1, ..right(field, layer) })
        },
    },
    Misconception {
        id: "pooling-skipped",
        title: "layers whose stride equals their kernel (pooling) are left out",
        explanation: "Pooling has no weights, but it looks at a window and it has a stride: it widens the field and, above all, \
                      doubles what every later layer adds.",
        question: "Does a unit behind a 2 by 2 pooling see one pixel, or four?",
        see: POST,
        behaviour: |arguments| {
            through(
                arguments,
                PIXEL,
                |field, layer| {
                    if layer[0] == layer[1] && layer[0] > 1 { field } else { right(field, layer) }
                },
            )
        },
    },
    Misconception {
        id: "kernels-added",
        title: "the kernels are added up whole",
        explanation: "Two layers of 3 see 5 pixels, not 6: the windows of neighbours overlap. Each layer adds kernel - 1 steps.",
        question: "Which pixels do two stacked 3-wide windows share?",
        see: ("dls-c4", "W1 Why convolutions?"),
        behaviour: |arguments| {
            through(arguments, Field { size: 0, ..PIXEL }, |field, layer| Field {
                size: field.size + layer[0] * field.jump,
                ..right(field, layer)
            })
        },
    },
    Misconception {
        id: "kernels-multiplied",
        title: "the kernel sizes are multiplied",
        explanation: "That would be right if the windows lay side by side. With stride 1 they overlap, and the field grows by \
                      kernel - 1 per layer: linearly, not exponentially.",
        question: "How many pixels do two layers of kernel 3 see?",
        see: BOOK,
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| Field { size: field.size * layer[0], ..right(field, layer) })
        },
    },
    Misconception {
        id: "padding-in-size",
        title: "padding makes the field larger",
        explanation: "Padding moves the fields, so that the first one hangs over the border; how many places a unit looks at is up to \
                      kernels and strides alone. Padding belongs into start.",
        question: "Does a 3-wide window see more than three places when the image is padded?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| {
                let next = right(field, layer);
                Field { size: next.size + 2 * layer[2] * field.jump, ..next }
            })
        },
    },
    Misconception {
        id: "padding-ignored",
        title: "padding is left out of start",
        explanation: "A layer padded by p begins p units before its input: start moves back by p * jump. With padding (kernel - 1) / 2 \
                      it stays at 0, which is what 'same' means.",
        question: "With kernel 3 and padding 1, over which pixel is the first window centred?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, [kernel, stride, _]| right(field, [kernel, stride, 0]))
        },
    },
    Misconception {
        id: "start-not-scaled",
        title: "the shifts of start are added in units of each layer, not in pixels",
        explanation: "One unit of a deeper layer is jump pixels. A shift by half a kernel there is jump times as far in the image.",
        question: "Behind a stride of 4, how many pixels is a shift by one unit?",
        see: POST,
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| {
                let shift = (layer[0] - 1) as f64 / 2.0 - layer[2] as f64;
                Field { start: field.start + shift, ..right(field, layer) }
            })
        },
    },
    Misconception {
        id: "half-kernel-rounded",
        title: "half a kernel is rounded down, so even kernels are off by half a pixel",
        explanation: "A window of 2 pixels is centred between them, at 0.5. kernel // 2 and (kernel - 1) // 2 both lose the half; \
                      behind strides the loss grows.",
        question: "Where is the middle of the pixels 0 and 1?",
        see: POST,
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| {
                let shift = (layer[0] - 1) / 2 - layer[2];
                Field { start: field.start + (shift * field.jump) as f64, ..right(field, layer) }
            })
        },
    },
    Misconception {
        id: "jump-added",
        title: "the strides are added up",
        explanation: "Strides multiply: a step of 2 over units that already lie 2 apart is 4 pixels.",
        question: "After two poolings by 2, how many pixels apart are two neighbours?",
        see: POST,
        behaviour: |arguments| {
            through(arguments, PIXEL, |field, layer| Field { jump: field.jump + layer[1] - 1, ..right(field, layer) })
        },
    },
];
