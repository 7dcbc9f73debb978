use striate_array::Array;

const POOL: i64 = 1;
const LINEAR: i64 = 2;

pub fn plan(layers: &Array<i64>, shape: &Array<i64>) -> Array<i64> {
    let [rows, _] = layers.dims();
    let (mut c, mut h, mut w) = (shape[[0]], shape[[1]], shape[[2]]);
    let mut table = Vec::new();
    for layer in 0..rows {
        let [kind, outputs, kernel, stride, pad] = std::array::from_fn(|column| layers[[layer, column]]);
        let (fan_in, parameters, macs);
        if kind == LINEAR {
            fan_in = c * h * w;
            (c, h, w) = (outputs, 1, 1);
        } else {
            assert!(kernel <= h + 2 * pad && kernel <= w + 2 * pad, "a kernel of {kernel} does not fit into {h} by {w}");
            fan_in = c * kernel * kernel;
            h = (h + 2 * pad - kernel) / stride + 1;
            w = (w + 2 * pad - kernel) / stride + 1;
        }
        if kind == POOL {
            (parameters, macs) = (0, 0);
        } else {
            c = outputs;
            (parameters, macs) = (outputs * (fan_in + 1), outputs * h * w * fan_in);
        }
        table.extend([c, h, w, parameters, macs]);
    }
    Array::from_vec(&[rows, 5], table)
}
