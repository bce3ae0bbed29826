//! What the functions say to each other and to the outside: wire types, error names, schemas.
