// Package attacks owns the tests of what docs/security.md promises that no other package can test alone: the table of attacks
// on identity and transport across packages, the search of a whole session for its secrets, and the document itself.
// It leaves the rules to the packages under test and has no code of its own.
// It keeps the threat model honest: each attack is refused by its own typed error, and each test that is named exists.
package attacks
