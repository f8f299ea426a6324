// What plays: the video if there is one, else a clock of its own. Both count in the clip's frames.
"use strict";

class Clock {
  constructor(frames) {
    this.frames = frames;
    this.frame = 0;
    this.rate = 1;
    this.playing = false;
    this.video = null;
    this.offset = 0; // seconds of the video before its first frame
    this.onFrame = []; // called when another frame is the present one
    this.onState = []; // called when it starts, stops, or gets a video
    this.began = { at: 0, seconds: frames.start };
  }

  get seconds() {
    return this.frames.time(this.frame);
  }

  // Play this video from now on, or none. Its first frame is shown at `offset` of its own time:
  // sound may begin earlier.
  use(video, offset = 0) {
    this.video = video;
    this.offset = offset;
    if (video) {
      video.playbackRate = this.rate;
      this.seek(this.frame);
      if (this.playing) this.start();
    }
    this.told();
  }

  seek(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.frames.count - 1);
    // A video is set to the middle of the frame: on its edge, rounding would choose.
    const middle = (this.seconds + this.frames.end(this.frame)) / 2;
    if (this.video) this.video.currentTime = middle + this.offset;
    this.began = { at: performance.now(), seconds: this.seconds };
    this.onFrame.forEach((listener) => listener(this.frame));
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.frame >= this.frames.count - 1) this.seek(0);
    this.playing = true;
    this.start();
    this.told();
    this.loop ??= requestAnimationFrame(() => this.turn());
  }

  pause() {
    this.playing = false;
    this.video?.pause();
    this.told();
  }

  setRate(rate) {
    this.began = { at: performance.now(), seconds: this.seconds };
    this.rate = rate;
    if (this.video) this.video.playbackRate = rate;
  }

  start() {
    this.began = { at: performance.now(), seconds: this.seconds };
    this.video?.play().catch(() => this.pause()); // a browser may refuse sound before a click
  }

  // Where the video is, or where the clock would be.
  position() {
    if (this.video) return this.video.currentTime - this.offset;
    return this.began.seconds + ((performance.now() - this.began.at) / 1000) * this.rate;
  }

  turn() {
    this.loop = null;
    if (!this.playing) return;
    const seconds = this.position();
    const frame = this.frames.at(seconds);
    if (frame !== this.frame && !this.video?.seeking) {
      this.frame = frame;
      this.onFrame.forEach((listener) => listener(frame));
    }
    if (seconds >= this.frames.stop || this.video?.ended) this.pause();
    else this.loop = requestAnimationFrame(() => this.turn());
  }

  told() {
    this.onState.forEach((listener) => listener());
  }
}
