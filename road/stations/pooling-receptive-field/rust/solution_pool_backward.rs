use striate_array::Array;

pub fn pool_backward(g: &Array<f64>, x: &Array<f64>, kh: i64, kw: i64, stride: i64, mode: &str) -> Array<f64> {
    let (kh, kw, stride) = (kh as usize, kw as usize, stride as usize);
    let [images, channels, rows, columns] = g.dims();
    let mut dx = Array::zeros(x.shape());
    for n in 0..images {
        for c in 0..channels {
            for i in 0..rows {
                for j in 0..columns {
                    let window = (i * stride..i * stride + kh)
                        .flat_map(|row| (j * stride..j * stride + kw).map(move |column| [n, c, row, column]));
                    if mode == "average" {
                        window.for_each(|pixel| dx[pixel] += g[[n, c, i, j]] / (kh * kw) as f64);
                    } else {
                        // The first of equals: a later pixel has to be strictly larger.
                        let first = window.reduce(|best, pixel| if x[pixel] > x[best] { pixel } else { best });
                        dx[first.expect("a window has pixels")] += g[[n, c, i, j]];
                    }
                }
            }
        }
    }
    dx
}
