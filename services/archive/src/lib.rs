//! tributary-archive
