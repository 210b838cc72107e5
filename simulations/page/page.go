// Package page owns the frame of a page that stands alone: its look, light, dark and printed, and its policy. It leaves
// what is on a page to simulations/report and simulations/study.
// It keeps pages strict: they load nothing, run the one script that their maker gave, and show what others wrote as text.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
)

var (
	//go:embed shell.html
	shellText string
	//go:embed page.css
	style string

	shell = template.Must(template.New("shell").Parse(shellText))
)

// Page is what a page shows.
type Page struct {
	Title  string
	Body   *template.Template // what stands between head and footer
	Values any                // of the body
	Footer string
	Data   any    // for the script, in the element with the id "data", as JSON
	Script string // the caller's own, never what others wrote
}

// Render gives the page. Equal pages give equal bytes.
func (p *Page) Render() ([]byte, error) {
	var body, out bytes.Buffer
	if err := p.Body.Execute(&body, p.Values); err != nil {
		return nil, fmt.Errorf("page: make the body: %w", err)
	}
	data, err := json.Marshal(p.Data) // escapes what would end its element
	if err != nil {
		return nil, fmt.Errorf("page: encode the data: %w", err)
	}
	err = shell.Execute(&out, map[string]any{
		"Title": p.Title, "Footer": p.Footer, "Body": template.HTML(body.String()), "Data": template.JS(data),
		"Script": template.JS(p.Script), "ScriptHash": hash(p.Script), "Style": template.CSS(style), "StyleHash": hash(style),
	})
	if err != nil {
		return nil, fmt.Errorf("page: make the page: %w", err)
	}
	return out.Bytes(), nil
}

// hash gives the source that a policy allows one inline element by.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
