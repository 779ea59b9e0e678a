//! One way to hold one number. JSON has one kind of number and stores spell it as they like; memory
//! has integers and floats. What is decided about an event must not depend on whether it came from
//! its sender or out of a store, so a float that is an integer is held as one from the start.

use serde_json::{Number, Value};

/// Makes every integral float an integer, as far as integers go.
pub(crate) fn settle(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(map) => map.values_mut().for_each(settle),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the float is an integer within the bounds of the type"
)]
fn integer(number: &Number) -> Option<Number> {
    const I64: f64 = 9_223_372_036_854_775_808.0;
    let float = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0)?;
    if (-I64..I64).contains(&float) {
        Some(Number::from(float as i64))
    } else if (I64..2.0 * I64).contains(&float) {
        Some(Number::from(float as u64))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, settled: &str) {
        let mut value: Value = serde_json::from_str(text).unwrap();
        settle(&mut value);
        assert_eq!(value.to_string(), settled);
    }

    #[test]
    fn an_integral_float_is_an_integer_and_others_stay() {
        check("[1.0, 1e2, -0.0, 0.5]", "[1,100,0,0.5]");
        check(
            r#"{"a": {"b": -3e0}, "t": "1.0"}"#,
            r#"{"a":{"b":-3},"t":"1.0"}"#,
        );
        check("1e16", "10000000000000000");
        check("-9223372036854775808.0", "-9223372036854775808");
        check("9223372036854775808.0", "9223372036854775808");
        check("18446744073709551616.0", "1.8446744073709552e+19");
        check("1e300", "1e+300");
        check("-1e19", "-1e+19");
    }
}
