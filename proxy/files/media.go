package files

import (
	"path/filepath"
	"strings"
)

// mediaType returns the type of a static file by its extension. The table is our own, so that it does
// not depend on the machine.
func mediaType(extension string) string {
	if t, ok := mediaTypes[strings.ToLower(strings.TrimPrefix(extension, "."))]; ok {
		return t
	}
	return "application/octet-stream"
}

// compressible reports whether a file of that name may lie compressed next to itself: most media is compressed as it is.
func compressible(name string) bool {
	kind := mediaType(filepath.Ext(name))
	class, format, _ := strings.Cut(kind, "/")
	switch class {
	case "image":
		return format == "svg+xml" || format == "bmp" || format == "vnd.microsoft.icon"
	case "audio", "video":
		return false
	case "font":
		return format == "ttf" || format == "otf"
	}
	switch format {
	case "zip", "gzip", "x-bzip2", "x-xz", "zstd", "x-7z-compressed", "java-archive", "epub+zip", "vnd.rar", "vnd.android.package-archive":
		return false
	}
	return true
}

var mediaTypes = map[string]string{
	"html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "shtml": "text/html; charset=utf-8",
	"css": "text/css; charset=utf-8",
	"js":  "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "cjs": "text/javascript; charset=utf-8",
	"txt": "text/plain; charset=utf-8", "text": "text/plain; charset=utf-8",
	"md":  "text/markdown; charset=utf-8",
	"csv": "text/csv; charset=utf-8", "ics": "text/calendar; charset=utf-8",
	"vcf": "text/vcard; charset=utf-8", "vtt": "text/vtt; charset=utf-8",
	"log": "text/plain; charset=utf-8", "tsv": "text/tab-separated-values; charset=utf-8", "wgsl": "text/wgsl; charset=utf-8",
	"srt": "application/x-subrip", "yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml",
	"jsonld": "application/ld+json", "geojson": "application/geo+json", "ndjson": "application/x-ndjson",
	"xsl": "application/xslt+xml", "xslt": "application/xslt+xml", "xsd": "application/xml", "xspf": "application/xspf+xml",
	"kml": "application/vnd.google-earth.kml+xml", "kmz": "application/vnd.google-earth.kmz", "gpx": "application/gpx+xml",
	"jnlp": "application/x-java-jnlp-file", "swf": "application/x-shockwave-flash", "rar": "application/vnd.rar",
	"war": "application/java-archive", "ear": "application/java-archive",
	"pem": "application/x-x509-ca-cert", "crt": "application/x-x509-ca-cert", "der": "application/x-x509-ca-cert",
	"apk": "application/vnd.android.package-archive", "rpm": "application/x-redhat-package-manager",
	"deb": "application/vnd.debian.binary-package", "eps": "application/postscript", "ai": "application/postscript",
	"odp": "application/vnd.oasis.opendocument.presentation", "odg": "application/vnd.oasis.opendocument.graphics",

	"json": "application/json", "map": "application/json", "webmanifest": "application/manifest+json",
	"xml": "application/xml", "xhtml": "application/xhtml+xml", "rss": "application/rss+xml",
	"atom": "application/atom+xml", "wasm": "application/wasm", "pdf": "application/pdf",
	"zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip",
	"bz2": "application/x-bzip2", "xz": "application/x-xz", "zst": "application/zstd",
	"tar": "application/x-tar", "7z": "application/x-7z-compressed", "jar": "application/java-archive",
	"rtf": "application/rtf", "epub": "application/epub+zip", "ps": "application/postscript",
	"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"odt":  "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",

	"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
	"webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml", "ico": "image/vnd.microsoft.icon",
	"bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "heic": "image/heic",
	"heif": "image/heif", "jxl": "image/jxl", "apng": "image/apng", "jfif": "image/jpeg", "cur": "image/vnd.microsoft.icon",
	"glb": "model/gltf-binary", "gltf": "model/gltf+json", "stl": "model/stl", "obj": "model/obj", "usdz": "model/vnd.usdz+zip",

	"woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
	"eot": "application/vnd.ms-fontobject", "ttc": "font/collection",

	"mp3": "audio/mpeg", "m4a": "audio/mp4", "oga": "audio/ogg", "ogg": "audio/ogg", "opus": "audio/ogg",
	"wav": "audio/wav", "flac": "audio/flac", "aac": "audio/aac", "weba": "audio/webm",
	"mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "ogv": "video/ogg",
	"mkv": "video/matroska", "wmv": "video/x-ms-wmv", "flv": "video/x-flv", "3gp": "video/3gpp", "3gpp": "video/3gpp",
	"m4s": "video/iso.segment", "mpg": "video/mpeg", "mid": "audio/midi", "midi": "audio/midi", "m4b": "audio/mp4",
	"mov": "video/quicktime", "mpeg": "video/mpeg", "avi": "video/x-msvideo", "ts": "video/mp2t",
	"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml",
}
