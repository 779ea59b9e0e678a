//! What a JSON value is once the database has had it, worked out before it goes there: handlers
//! must see the same event now as when the log is replayed.

use serde_json::{Number, Value};

/// Spells numbers as they will come back. The database keeps the digits and forgets that a large
/// whole number was written with an exponent: what was a float comes back as an integer.
pub(super) fn as_kept(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_kept),
        Value::Object(map) => map.values_mut().for_each(as_kept),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // Below, it is written with `.0` and stays a float; above, no integer can hold it.
    if float.abs() < 1e16 || float.abs() > 2e19 {
        return None;
    }
    let digits = float.to_string();
    let positive = digits.parse::<u64>().ok().map(Number::from);
    positive.or_else(|| digits.parse::<i64>().ok().map(Number::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_whole_floats_become_the_integers_that_come_back() {
        let check = |mut value: Value, want: &str| {
            as_kept(&mut value);
            assert_eq!(value.to_string(), want);
        };
        check(
            json!([1e16, {"n": -2e18}]),
            r#"[10000000000000000,{"n":-2000000000000000000}]"#,
        );
        check(json!(1.5), "1.5");
        check(json!(100.0), "100.0");
        check(json!(1e15), "1000000000000000.0");
        check(json!(1e21), "1e+21");
    }
}
