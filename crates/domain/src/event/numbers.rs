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

/// The integer that the float's shortest decimal digits spell: what its sender wrote, and what a store
/// of decimals keeps. Beyond 2^53 that is not always the float's exact value.
fn integer(number: &Number) -> Option<Number> {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    let integral = |float: &f64| number.is_f64() && float.fract() == 0.0 && float.abs() < BEYOND;
    let digits = number.as_f64().filter(integral)?.to_string();
    let signed = digits.parse::<i64>().map(Number::from);
    signed
        .or_else(|_| digits.parse::<u64>().map(Number::from))
        .ok()
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
        check("2.276875224201951e16", "22768752242019510");
        check("22768752242019512", "22768752242019512");
        check("9223372036854775808.0", "9223372036854776000");
        check("-9223372036854775808.0", "-9.223372036854776e+18");
        check("18446744073709551616.0", "1.8446744073709552e+19");
        check("1e300", "1e+300");
        check("-1e19", "-1e+19");
    }
}
