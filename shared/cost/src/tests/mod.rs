mod cases;
mod weather;
