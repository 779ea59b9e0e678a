//! The server as its clients see it: a real socket, the real gateway, and a store in memory.

mod http;
