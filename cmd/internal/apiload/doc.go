// Package apiload owns the tests of the API as processes mount it: that every operation of the document is answered as the
// document says, and how fast lists and events are when there is much to list and many to follow. It has tests only.
package apiload
