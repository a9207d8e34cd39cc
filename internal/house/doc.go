// Package house holds no code, only the tests that keep this repository in
// order: what people promise each other about it, checked on every run.
//
//   - Every package says what it is for, shows itself in an Example, and is
//     named in a chapter of docs/ (package_test.go).
//   - Every exported name is explained (names_test.go).
//   - No file grows past what one reads in a sitting, none has notes of work
//     left undone, and none knows on which machine it was written
//     (file_test.go).
//   - Links between the documents lead somewhere (link_test.go), and their Go
//     code compiles, or stands so in a file that does (snippet_test.go).
//
// Nothing is loaded or type-checked but the programs in the documents: the
// files are read, so the tests take a second and need no network.
//
// Start at repo_test.go, which finds the files.
package house
