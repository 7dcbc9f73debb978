use striate_array::Array;

pub fn unbroadcast(g: &Array<f64>, shape: &Array<i64>) -> Array<f64> {
    let shape: Vec<usize> = shape.iter().map(|&length| length as usize).collect();
    let added = g.ndim() - shape.len();
    let mut out = Array::zeros(&shape);
    let mut index = vec![0; g.ndim()];
    for &value in g.iter() {
        // Where this element was copied from: without the axes in front, at 0 along stretched ones.
        let from = shape.iter().zip(&index[added..]).fold(0, |at, (&length, &i)| at * length + i.min(length - 1));
        out.data_mut()[from] += value;
        for axis in (0..g.ndim()).rev() {
            index[axis] += 1;
            if index[axis] < g.shape()[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
