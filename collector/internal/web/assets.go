package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var staticFiles embed.FS

// An asset is one file below /static.
type asset struct {
	body        []byte
	contentType string
	mark        string // changes with the content
}

type assets map[string]asset

func newAssets() assets {
	all := assets{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		base := path.Base(name)
		all[base] = asset{body: body, contentType: contentType(base), mark: hex.EncodeToString(sum[:6])}
		return nil
	})
	if err != nil { // they are part of the program
		panic("web: " + err.Error())
	}
	return all
}

// contentType does not ask the system's tables, which differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func (s *server) showAsset(r *http.Request) (any, error) {
	a, ok := s.assets[r.PathValue("name")]
	if !ok {
		return nil, notFound("There is no file of that name.")
	}
	return a, nil
}
