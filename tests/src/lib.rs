//! tributary-tests
