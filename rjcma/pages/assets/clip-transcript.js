// The transcript: paragraphs of words, of which the present one is lit, and a click seeks to it.
"use strict";

class Transcript {
  static PAUSE = 1.5; // seconds of silence that end a paragraph
  static LONGEST = 80; // words of a paragraph

  constructor(element, words, onChoice) {
    this.element = element;
    this.words = words;
    this.shown = []; // by word, its element
    this.present = -1;
    element.append(...this.paragraphs());
    element.addEventListener("click", (event) => {
      const word = event.target.closest("[data-word]");
      if (word) onChoice(Number(word.dataset.word));
    });
  }

  paragraphs() {
    const { text, start, end } = this.words;
    const paragraphs = [];
    let paragraph = null;
    text.forEach((each, n) => {
      const pause = n ? start[n] - end[n - 1] : 0;
      const isFull = paragraph?.children.length > Transcript.LONGEST;
      if (!paragraph || pause > Transcript.PAUSE || isFull) {
        paragraph = document.createElement("p");
        paragraph.append(timeStamp(start[n]));
        paragraphs.push(paragraph);
      }
      const word = document.createElement("span");
      word.dataset.word = n;
      word.textContent = each;
      this.shown.push(word);
      paragraph.append(" ", word);
    });
    return paragraphs;
  }

  // Light the word, and keep it in sight.
  show(word, inSight) {
    if (word === this.present) return;
    this.shown[this.present]?.removeAttribute("aria-current");
    this.present = word;
    const lit = this.shown[word];
    lit?.setAttribute("aria-current", "true");
    if (lit && inSight) this.scrollTo(lit);
  }

  // Scroll the transcript only, never the page.
  scrollTo(lit) {
    const box = this.element;
    const [inner, outer] = [lit, box].map((each) => each.getBoundingClientRect().top);
    const top = inner - outer + box.scrollTop;
    if (top < box.scrollTop + 10 || top > box.scrollTop + box.clientHeight - 50) {
      const behavior = report.still() ? "auto" : "smooth";
      box.scrollTo({ top: top - box.clientHeight / 3, behavior });
    }
  }
}

// Minutes and seconds, never rounded up: 1:05, or 1:05.93.
function minutes(seconds, digits = 0) {
  const units = Math.floor(seconds * 10 ** digits + 1e-6);
  const whole = Math.floor(units / (60 * 10 ** digits));
  const rest = (units / 10 ** digits - whole * 60).toFixed(digits);
  return `${whole}:${rest.padStart(digits ? digits + 3 : 2, "0")}`;
}

function timeStamp(seconds) {
  const stamp = document.createElement("span");
  stamp.className = "stamp";
  stamp.textContent = minutes(seconds);
  return stamp;
}
