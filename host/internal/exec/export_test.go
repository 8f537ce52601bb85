package exec

// SafeName is for its fuzz test.
var SafeName = safeName
