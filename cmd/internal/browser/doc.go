// Package browser owns the tests of the dashboard in a real browser: Chromium without a window, over the real programs.
// It leaves what the API answers to settle/api and what a page is made of to settle/web, and has no code of its own.
// It keeps the page's promises: it is live, nothing leaves the host, nothing breaks its policy, everybody can use it.
package browser
