//! A configuration in files: fields, after a tag that names the architecture.

use std::fmt::{self, Formatter};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

use super::{BertConfig, Config, SwinConfig, VitConfig};

/// The key of files that names the architecture.
const TAG: &str = "architecture";

/// A configuration as it stands in files. Swin's, which was the first, has no tag; that of another stands before all
/// else.
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a, C> {
            architecture: &'static str,
            #[serde(flatten)]
            config: &'a C,
        }
        let architecture = self.architecture();
        match self {
            Self::Swin(config) => config.serialize(serializer),
            Self::Vit(config) => Named {
                architecture,
                config,
            }
            .serialize(serializer),
            Self::Bert(config) => Named {
                architecture,
                config,
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Tagged)
    }
}

/// Reads a configuration by its tag, which stands first.
struct Tagged;

impl<'de> Visitor<'de> for Tagged {
    type Value = Config;

    fn expecting(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("the configuration of a model")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
        let first: Option<String> = map.next_key()?;
        if first.as_deref() != Some(TAG) {
            let fields = Fields { first, map };
            return SwinConfig::deserialize(MapAccessDeserializer::new(fields)).map(Config::Swin);
        }
        let tag: String = map.next_value()?;
        let fields = MapAccessDeserializer::new(Fields { first: None, map });
        match tag.as_str() {
            "vit" => VitConfig::deserialize(fields).map(Config::Vit),
            "bert" => BertConfig::deserialize(fields).map(Config::Bert),
            other => Err(A::Error::custom(format!(
                "expected an architecture that this library knows, found {other}"
            ))),
        }
    }
}

/// The fields of a map of which one key was taken out.
struct Fields<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
