// Finds the clip's video: where the corpus is, in a folder that the reader names, a preview that
// was made for the page, or a file that the reader picks. The page works without any of them.
"use strict";

class VideoSource {
  // What browsers play; of other files a preview is tried first.
  static PLAYABLE = /\.(mp4|m4v|mov|webm|mkv|ogv)$/i;

  constructor(data, clock, elements) {
    this.data = data;
    this.clock = clock;
    this.elements = elements;
    this.name = "videos:" + data.root;
    const { video, folder, form, file } = elements;
    folder.value = report.kept(this.name) ?? data.root;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      report.keep(this.name, folder.value);
      this.find();
    });
    file.addEventListener("change", () => {
      if (file.files.length) this.attempt([URL.createObjectURL(file.files[0])]);
    });
    video.addEventListener("error", () => this.attempt(this.left));
    video.addEventListener("loadedmetadata", () => this.found());
    this.find();
  }

  // All places at which the video may be.
  places() {
    const { file, preview } = this.data;
    const own = address(this.elements.folder.value, file);
    return VideoSource.PLAYABLE.test(file) ? [own, preview] : [preview, own];
  }

  find() {
    this.attempt(this.places());
  }

  attempt(places) {
    const { video } = this.elements;
    const [place, ...left] = places;
    this.left = left;
    if (place === undefined) this.missing();
    else video.src = place;
  }

  found() {
    const { video, box, note } = this.elements;
    if (!video.videoWidth) return this.attempt(this.left); // only its sound can be played
    const use = (offset) => {
      this.clock.use(video, offset);
      box.dataset.video = "there";
      note.textContent = "";
    };
    // The first picture that is shown tells when the video's first frame is.
    if (!video.requestVideoFrameCallback) return use(0);
    box.dataset.video = "begins";
    video.requestVideoFrameCallback((now, picture) => use(picture.mediaTime));
    video.currentTime = 0; // so that it is shown now, even if it was before
  }

  missing() {
    const { video, box, note } = this.elements;
    this.clock.use(null);
    video.removeAttribute("src");
    box.dataset.video = "missing";
    note.textContent =
      `No video: ${this.data.file} is not in the folder of videos, or this browser cannot play ` +
      "it. Everything else plays without it.";
  }
}

// The address of a file in a folder: relative to the page, a path of this machine, or a URL.
function address(folder, file) {
  const name = file.split("/").map(encodeURIComponent).join("/");
  const base = folder.trim().replaceAll("\\", "/").replace(/\/+$/, "");
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(base)) return `${base}/${name}`;
  const path = base.split("/").map(encodeURIComponent).join("/");
  if (/^[a-z]:(\/|$)/i.test(base)) return `file:///${path.replace("%3A", ":")}/${name}`;
  return base.startsWith("/") ? `file://${path}/${name}` : `${path || "."}/${name}`;
}
