mod aws;
mod cases;
mod weather;
