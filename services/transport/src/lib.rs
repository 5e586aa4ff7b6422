//! tributary-transport
