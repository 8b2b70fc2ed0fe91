// Package docs holds the longer documents as files of Markdown, which the
// collector serves as its help pages.
package docs

import "embed"

// Pages are the documents, NAME.md; index.md leads to the others. They link to
// each other by name alone.
//
//go:embed *.md
var Pages embed.FS
