"""Small pieces of page, each one module: import the function that it is named after."""
