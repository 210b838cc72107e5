// Package arrows owns the table of which package of this module may import which, and its test is all there is of it.
// It leaves the reasons to docs/architecture.md. It keeps the layers apart: what is pure stays pure, channel never
// imports settle, libraries never import commands.
package arrows
