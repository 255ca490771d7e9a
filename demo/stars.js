const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: inline-flex; gap: 2px; vertical-align: middle; color: #a8431a; }
  button { all: unset; width: 1.25em; height: 1.25em; border-radius: 6px; cursor: pointer; }
  button:focus-visible { outline: 2px solid #1d4f43; outline-offset: 2px; }
  svg { display: block; width: 100%; height: 100%; transition: transform 0.15s; }
  button:hover svg { transform: scale(1.15); }
  .star { fill: #e3d8c6; }
  .fill { fill: currentColor; }
  :host([readonly]) button { cursor: default; pointer-events: none; }
  @media (prefers-reduced-motion: reduce) { svg { transition: none; } }
`);

const shape = "M12 2.2l2.9 6.2 6.8.8-5 4.6 1.3 6.7-6-3.4-6 3.4 1.3-6.7-5-4.6 6.8-.8z";

function starMarkup(index) {
  return `
    <button type="button" data-star="${index}" aria-label="${index} of 5 stars">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path class="star" d="${shape}"></path>
        <path class="fill" d="${shape}"></path>
      </svg>
    </button>`;
}

class StarRating extends HTMLElement {
  static observedAttributes = ["value", "readonly"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.innerHTML = [1, 2, 3, 4, 5].map(starMarkup).join("");
    root.addEventListener("click", (event) => this.choose(event));
  }

  connectedCallback() {
    this.show();
  }

  attributeChangedCallback() {
    this.show();
  }

  get value() {
    return Number(this.getAttribute("value")) || 0;
  }

  choose(event) {
    const button = event.target.closest("button");
    if (!button || this.hasAttribute("readonly")) {
      return;
    }
    this.setAttribute("value", button.dataset.star);
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  show() {
    const fixed = this.hasAttribute("readonly");
    this.shadowRoot.querySelectorAll("button").forEach((button, index) => {
      const share = Math.max(0, Math.min(1, this.value - index));
      button.querySelector(".fill").style.clipPath = `inset(0 ${(1 - share) * 100}% 0 0)`;
      button.tabIndex = fixed ? -1 : 0;
      button.toggleAttribute("aria-hidden", fixed);
      if (fixed) {
        button.setAttribute("aria-hidden", "true");
      }
    });
    if (fixed) {
      this.setAttribute("role", "img");
      this.setAttribute("aria-label", `${this.value} of 5 stars`);
    }
  }
}

customElements.define("star-rating", StarRating);
