//! Attribute: typed reading of a node's attributes. An attribute of another type is an error, never a default.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, TensorProto};

use crate::error::Problem;
use crate::operator::Operator;
use crate::tensor::Tensor;

impl Operator<'_> {
    fn attribute(&self, name: &str, kind: AttributeType, expected: &'static str) -> Result<Option<&AttributeProto>, Problem> {
        let Some(i) = self.proto.attribute.iter().position(|a| a.name == name) else { return Ok(None) };
        self.accounted.attribute(i);
        let attribute = &self.proto.attribute[i];
        if attribute.r#type != kind as i32 || !attribute.ref_attr_name.is_empty() {
            return Err(Problem::AttributeType { attribute: name.to_string(), expected });
        }
        Ok(Some(attribute))
    }

    /// An integer, if it is there.
    pub(crate) fn optional_int(&self, name: &str) -> Result<Option<i64>, Problem> {
        Ok(self.attribute(name, AttributeType::Int, "an integer")?.map(|a| a.i))
    }

    /// An integer.
    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, Problem> {
        Ok(self.optional_int(name)?.unwrap_or(default))
    }

    /// An integer that must be there.
    pub(crate) fn required_int(&self, name: &'static str) -> Result<i64, Problem> {
        self.optional_int(name)?.ok_or(Problem::MissingAttribute { attribute: name })
    }

    /// A switch: 0 or 1.
    pub(crate) fn flag(&self, name: &'static str, default: bool) -> Result<bool, Problem> {
        match self.int(name, i64::from(default))? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Problem::Attribute { attribute: name, value: other.to_string() }),
        }
    }

    /// A switch that the operator has from opset `since` on: off before.
    pub(crate) fn flag_since(&self, name: &'static str, since: i64) -> Result<bool, Problem> {
        if self.opset < since {
            return Ok(false);
        }
        self.flag(name, false)
    }

    /// A float, if it is there.
    pub(crate) fn optional_float(&self, name: &str) -> Result<Option<f32>, Problem> {
        Ok(self.attribute(name, AttributeType::Float, "a float")?.map(|a| a.f))
    }

    /// A float.
    pub(crate) fn float(&self, name: &str, default: f32) -> Result<f32, Problem> {
        Ok(self.optional_float(name)?.unwrap_or(default))
    }

    /// A list of integers, if it is there.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<&[i64]>, Problem> {
        Ok(self.attribute(name, AttributeType::Ints, "a list of integers")?.map(|a| a.ints.as_slice()))
    }

    /// A list of floats, if it is there.
    pub(crate) fn floats(&self, name: &str) -> Result<Option<&[f32]>, Problem> {
        Ok(self.attribute(name, AttributeType::Floats, "a list of floats")?.map(|a| a.floats.as_slice()))
    }

    /// A string.
    pub(crate) fn string(&self, name: &str, default: &'static str) -> Result<&str, Problem> {
        let expected = "a string";
        let Some(attribute) = self.attribute(name, AttributeType::String, expected)? else { return Ok(default) };
        std::str::from_utf8(&attribute.s).map_err(|_| Problem::AttributeType { attribute: name.to_string(), expected })
    }

    /// The tensor of an attribute.
    pub(crate) fn read_tensor(&self, proto: &TensorProto) -> Result<Tensor, Problem> {
        Tensor::read(proto, self.name, None, self.memory).map_err(|e| Problem::Tensor(Box::new(e)))
    }

    /// A tensor, if it is there.
    pub(crate) fn tensor_attribute(&self, name: &str) -> Result<Option<&TensorProto>, Problem> {
        let expected = "a tensor";
        let Some(attribute) = self.attribute(name, AttributeType::Tensor, expected)? else { return Ok(None) };
        attribute.t.as_ref().map(Some).ok_or(Problem::AttributeType { attribute: name.to_string(), expected })
    }
}
