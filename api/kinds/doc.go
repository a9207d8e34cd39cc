// Package kinds holds the built-in kinds of the API: for each its names, its
// defaults, its rules and its table.
package kinds
