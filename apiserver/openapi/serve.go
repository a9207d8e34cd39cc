package openapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The media types of documents in protobuf, with "@" as clients ask for them
// or without, as answers are named: "@" has no place in a media type.
const (
	protobufV2Type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
	protobufV3Type = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
)

// ServeV3 answers /openapi/v3, the list of documents, and each of them. A client
// that asks for a document by its hash may keep it for good; one whose hash is
// out of date is sent to the newest.
func (d *Documents) ServeV3(w http.ResponseWriter, r *http.Request) {
	versions, _ := d.current()
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/openapi/v3"), "/")
	if path == "" {
		serveList(w, r, versions)
		return
	}
	document := versions[path]
	if document == nil {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	_, hash, err := document.asJSON()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	switch known := r.URL.Query().Get("hash"); known {
	case "":
	case hash:
		w.Header().Set("Cache-Control", "public, immutable")
		w.Header().Set("Expires", time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat))
	default:
		w.Header().Set("Etag", strconv.Quote(hash))
		http.Redirect(w, r, "/openapi/v3/"+path+"?hash="+hash, http.StatusMovedPermanently)
		return
	}
	serveDocument(w, r, document, protobufV3Type)
}

// serveList answers which documents there are.
func serveList(w http.ResponseWriter, r *http.Request, versions map[string]*document) {
	paths := object{}
	for name, document := range versions {
		_, hash, err := document.asJSON()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		paths[name] = object{"serverRelativeURL": "/openapi/v3/" + name + "?hash=" + hash}
	}
	list := &document{make: func() object { return object{"paths": paths} }}
	serveDocument(w, r, list, "")
}

// ServeV2 answers /openapi/v2.
func (d *Documents) ServeV2(w http.ResponseWriter, r *http.Request) {
	_, all := d.current()
	serveDocument(w, r, all, protobufV2Type)
}

// ServeMadeV2 answers with an OpenAPI v2 document that somebody else has put together,
// as [Documents.ServeV2] does with its own.
func ServeMadeV2(w http.ResponseWriter, r *http.Request, made map[string]any) {
	serveDocument(w, r, &document{make: func() object { return made }, toProtobuf: protobufV2}, protobufV2Type)
}

// serveDocument answers with a document in the form that the client wants, or
// with 304 to one that has it.
func serveDocument(w http.ResponseWriter, r *http.Request, d *document, protobufType string) {
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	contentType, form := "application/json", d.asJSON
	switch wanted := negotiate(r.Header.Values("Accept"), protobufType); wanted {
	case "":
		w.WriteHeader(http.StatusNotAcceptable)
		return
	case protobufType:
		contentType, form = protobufType, d.asProtobuf
	}
	data, hash, err := form()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	tag := strconv.Quote(hash)
	w.Header().Set("Etag", tag)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache, private")
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", contentType)
	send(w, r, data)
}

// send writes a document as it is kept, to clients that take it so.
func send(w http.ResponseWriter, r *http.Request, data zipped) {
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(data) // an error is a client that went away
		return
	}
	plain, err := data.unzip()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(plain)
}

// negotiate returns the first media type of an Accept header that there is:
// JSON, or protobuf if it has a name here. Nothing asked means JSON, and nothing
// found an empty string.
func negotiate(accept []string, protobufType string) string {
	const json = "application/json"
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return json
	}
	for _, part := range strings.Split(header, ",") {
		// "@" is no character of a media type; ".v2@v1.0" means ".v2.v1.0".
		mediaType, _, err := mime.ParseMediaType(strings.ReplaceAll(part, "@", "."))
		switch {
		case err != nil:
		case mediaType == json, mediaType == "*/*", mediaType == "application/*":
			return json
		case mediaType == protobufType:
			return protobufType
		}
	}
	return ""
}
