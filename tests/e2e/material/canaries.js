/**
 * Puts a canary into every place of a page from which a secret could get out. Each is "quetzal-" and the name of the place;
 * a card and an account number are beside them, as they are known by their form. None of them may leave the page: what
 * stands in `OPEN` is never told of any page, the others are masked, blocked, or secret whatever is unmasked.
 */
const CARD = "4000056655665556";
const ACCOUNT = "DE89370400440532013000";

const OPEN = `
<!-- quetzal-comment -->
<a href="/page?token=quetzal-link-query#quetzal-link-fragment">link</a>
<a href="https://visitor:quetzal-link-password@example.org/">link</a>
<a href="//example.org/?quetzal-link-schemeless">link</a>
<a href="mailto:quetzal-mail@example.org">link</a> <a href="data:text/plain,quetzal-data-link">link</a>
<a href="javascript:'quetzal-script-link'">link</a> <a href="/x" ping="/quetzal-ping" download="quetzal-download">link</a>
<map name="canaries"><area href="?quetzal-area"></map>
<form action="/quetzal-action"><button formaction="/quetzal-formaction" value="quetzal-button-value">Send</button></form>
<img src="data:,?x" srcset="data:,?y 2x, /none.png?quetzal-srcset 9x" alt=""> <img src="/none.png?quetzal-image" alt="">
<video poster="/none.png?quetzal-poster" preload="none"></video>
<p style="background: url(/none.png?quetzal-style)">p</p>
<p style='background: image-set("/none.png?quetzal-image-set" 1x)'>p</p>
<p style="--own: url(/none.png?quetzal-custom-property)">p</p>
<style>.none { background: url("/none.png?quetzal-rule"); } .never { background: image-set("/none.png?quetzal-rule-set" 1x); }</style>
<svg width="5" height="5"><image href="/none.png?quetzal-svg-image"></image><use href="/none.svg?quetzal-svg-use#shape"></use>
  <a href="?quetzal-svg-link"><text>t</text></a><metadata>m</metadata></svg>
<meta name="csrf-token" content="quetzal-meta"> <meta property="og:url" content="quetzal-meta-property">
<link rel="canonical" href="/quetzal-canonical"> <link rel="preload" as="image" href="/none.png?quetzal-preload">
<script type="application/json">{ "token": "quetzal-json" }</script> <noscript>quetzal-noscript</noscript>
<input type="hidden" name="csrf" value="quetzal-hidden">
<select><option value="quetzal-option-value">shown</option></select>
<input list="canaries-list"><datalist id="canaries-list"><option value="quetzal-datalist"></option></datalist>
<input type="checkbox" value="quetzal-checkbox"> <input type="radio" value="quetzal-radio">
<p onclick="'quetzal-handler'">p</p> <blockquote cite="/quetzal-cite">q</blockquote> <data value="quetzal-data">d</data>
<iframe name="f" src="about:blank?quetzal-frame-address"></iframe> <object data="/none?quetzal-object"></object>
<input value="quetzal-default"> <input type="email" value="quetzal-default@email.example"> <textarea>quetzal-textarea</textarea>
<x-link href="/own#quetzal-own-fragment" src="/own?quetzal-own-source">own</x-link>
<ul><li value="3">l</li></ul>`;

/** The same in a shadow root and in a frame, beside what is masked in there. */
const INNER = `${OPEN}<div data-cobrowse-mask><p title="quetzal-inner-title">quetzal-inner-text</p></div>
<div data-cobrowse-block>quetzal-inner-blocked</div>`;

const SECRET = `
<input class="pass" type="password" value="quetzal-password"> <input autocomplete="one-time-code" value="quetzal-code">
<input autocomplete="section-a billing cc-number" value="quetzal-card-field"> <input name="iban" value="quetzal-iban-field">
<input id="user-pin" value="quetzal-pin"> <input type="hidden" value="quetzal-hidden-unmasked">
<input class="free" value="${CARD}"> <input class="free" value="${ACCOUNT}"> <textarea>${ACCOUNT}</textarea>
<input type="number" value="${CARD}">`;

const MASKED = `
<p title="quetzal-title" aria-label="quetzal-label" data-note="quetzal-note" class="text">quetzal-text <b>quetzal-inner</b></p>
<img alt="quetzal-alt" src="data:,"> <input placeholder="quetzal-placeholder" value="quetzal-value">
<textarea placeholder="quetzal-area-placeholder">quetzal-area</textarea>
<input type="submit" value="quetzal-submit"> <input type="button" value="quetzal-button"> <input type="reset" value="quetzal-reset">
<input type="image" alt="quetzal-image-alt" src="data:,"> <button aria-description="quetzal-description">quetzal-caption</button>
<select><optgroup label="quetzal-group"><option label="quetzal-option-label">quetzal-option</option></optgroup></select>
<a href="/quetzal-path" target="_self">quetzal-link</a> <abbr title="quetzal-abbr">a</abbr> <table summary="quetzal-summary"></table>
<meter value="0.5" title="quetzal-meter">quetzal-meter-text</meter> <div aria-valuetext="quetzal-valuetext" role="slider">d</div>
<x-own note="quetzal-attribute" label="quetzal-own-label">quetzal-own</x-own> <div contenteditable class="rich">quetzal-rich</div>
<svg width="9" height="9" aria-label="quetzal-svg-label"><title>quetzal-svg-title</title><desc>quetzal-svg-desc</desc>
  <text data-x="quetzal-svg-data">quetzal-svg-text</text><a href="/quetzal-svg-path"><text>t</text></a></svg>
<math><mi>quetzal-math</mi></math> <details><summary>quetzal-details</summary>quetzal-details-text</details>
<video preload="none"><track label="quetzal-track" kind="captions"></video> <dialog>quetzal-dialog</dialog> <pre>quetzal-pre</pre>
<div class="host"><template shadowrootmode="open"><p title="quetzal-root-title">quetzal-root</p></template></div>
<iframe srcdoc="<p title='quetzal-framed-title'>quetzal-framed</p>" title="quetzal-frame-title"></iframe>`;

const BLOCKED = `
<p class="quetzal-blocked-class" id="quetzal-blocked-id">quetzal-blocked</p><style>.quetzal-blocked-style { color: red; }</style>
<input value="quetzal-blocked-value"><img src="/quetzal-blocked-path" alt="quetzal-blocked-alt">
<div class="host"><template shadowrootmode="open"><style>.quetzal-blocked-root-style {}</style><p>quetzal-blocked-root</p></template></div>
<iframe srcdoc="<p>quetzal-blocked-frame</p>"></iframe><svg><text>quetzal-blocked-svg</text></svg>`;

const task = () => new Promise((resolve) => setTimeout(resolve));

/** Put all of them at the end of the page, from a snapshot's or a mutation's point of view; gives the element around them. Its frames have loaded. */
globalThis.sow = async () => {
  const around = document.createElement("section");
  const part = (html, mark) => {
    const element = document.createElement("div");
    if (mark) element.setAttribute(mark, "");
    element.setHTMLUnsafe(html);
    around.append(element);
  };
  part(OPEN);
  part(SECRET, "data-cobrowse-unmask");
  part(MASKED, "data-cobrowse-mask");
  part(BLOCKED, "data-cobrowse-block");
  const host = Object.assign(document.createElement("div"), { className: "host" });
  host.attachShadow({ mode: "open" }).setHTMLUnsafe(INNER);
  around.append(host, Object.assign(document.createElement("iframe"), { srcdoc: INNER }));
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillText("quetzal-canvas", 0, 20);
  around.append(canvas);
  document.body.append(around);
  const frames = [...around.querySelectorAll("iframe[srcdoc]")];
  const end = performance.now() + 20_000;
  while (!frames.every(({ contentDocument }) => contentDocument?.body?.childElementCount)) {
    if (performance.now() > end) throw new Error("the frames do not load");
    await task();
  }
  return around;
};

/** Change what was sown, each in a task of its own, as scripts and visitors do. */
globalThis.stir = async (around) => {
  const [, secret, masked, blocked] = around.children;
  const one = (selector, within = masked) => within.querySelector(selector);
  const said = (field, value) => {
    field.value = value;
    field.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, data: value }));
    field.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
  };
  const changes = [
    () => {
      one(".text").firstChild.data = "quetzal-text-changed";
    },
    () => one(".text").append("quetzal-text-added"),
    () => {
      for (const name of ["title", "alt", "aria-label", "data-later", "placeholder", "value", "label", "note", "href"])
        for (const element of masked.querySelectorAll("*"))
          if (element.hasAttribute(name) || name === "data-later") element.setAttribute(name, `quetzal-changed-${name}`);
    },
    () => one(".text").insertAdjacentHTML("afterend", '<p title="quetzal-later-title">quetzal-later<!-- quetzal-later --></p>'),
    () => {
      one(".host").shadowRoot.querySelector("p").firstChild.data = "quetzal-root-changed";
      one(".host").shadowRoot.append("quetzal-root-added");
    },
    () => {
      const host = document.createElement("div");
      masked.append(host);
      host.attachShadow({ mode: "open" }).innerHTML = "<i aria-label='quetzal-late-root-label'>quetzal-late-root</i>";
    },
    () => one("iframe").contentDocument.body.append("quetzal-framed-added"),
    () => said(one("input"), "quetzal-typed-masked"),
    () => said(one("textarea"), "quetzal-area-typed"),
    () => {
      one(".rich").textContent = "quetzal-rich-typed";
    },
    () => {
      const select = one("select");
      select.append(new Option("quetzal-option-late", "quetzal-option-late-value", true, true));
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
    () => {
      // The mark comes with what it hides.
      const late = document.createElement("p");
      late.append("shown before");
      around.append(late);
      globalThis.lateMarked = late;
    },
    () => {
      globalThis.lateMarked.className = "rr-mask";
      globalThis.lateMarked.firstChild.data = "quetzal-marked-late";
      globalThis.lateMarked.title = "quetzal-marked-late-title";
    },
    () => {
      for (const field of around.firstElementChild.querySelectorAll("input:not([type]), input[type=email], textarea"))
        said(field, "quetzal-typed@shown.example");
    },
    () => {
      around.querySelector("input[type=hidden]").value = "quetzal-hidden-later";
      around.querySelector("textarea").append("quetzal-textarea-child");
    },
    () => {
      const [link, , , , , script] = around.querySelectorAll("a");
      link.href = "/other?quetzal-link-changed#quetzal-link-changed";
      script.setAttribute("href", "javascript:'quetzal-script-changed'");
      around.querySelector("form").action = "/quetzal-action-changed";
      around.querySelector("meta").content = "quetzal-meta-changed";
      around.querySelector("p").style.background = "url(/none.png?quetzal-style-changed)";
      around.querySelector("style").textContent = ".none { background: url(/none.png?quetzal-rule-changed); }";
      around.querySelector("script").firstChild.data = "'quetzal-json-changed'";
      around.querySelector("option").value = "quetzal-option-changed";
      around.querySelector("x-link").setAttribute("href", "/own#quetzal-own-changed");
    },
    () => {
      around.querySelector("style").sheet.insertRule(".x { background: url(/none.png?quetzal-inserted); }");
      around.querySelector("style").sheet.cssRules[0].style.background = "url(/none.png?quetzal-declared)";
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(".y { background: url(/none.png?quetzal-adopted); }");
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
      sheet.replaceSync(".y { background: url(/none.png?quetzal-replaced); }");
    },
    () => {
      for (const field of secret.querySelectorAll("input:not([type=hidden], [type=number], .free)")) said(field, "quetzal-secret-typed");
      for (const field of secret.querySelectorAll(".free, textarea")) said(field, "4000 0566-5566 5556");
    },
    () => {
      // Shown, changed and told of in one task.
      const password = one(".pass", secret);
      password.type = "text";
      said(password, "quetzal-password-shown");
    },
    () => {
      one(".pass", secret).type = "button";
    },
    () => {
      one(".pass", secret).setAttribute("value", "quetzal-password-caption");
    },
    () => {
      const text = document.createElement("input");
      one(".pass", secret).type = "password";
      one(".pass", secret).replaceWith(text);
      said(text, "quetzal-password-replaced");
    },
    () => {
      one("p", blocked).firstChild.data = "quetzal-blocked-changed";
      one("p", blocked).title = "quetzal-blocked-title";
      one(".host", blocked).shadowRoot.append("quetzal-blocked-added");
      blocked.append("quetzal-blocked-later");
      one("iframe", blocked).contentDocument.body.append("quetzal-blocked-frame-added");
      said(one("input", blocked), "quetzal-blocked-typed");
    },
    () => {
      const later = `${INNER}<!-- quetzal-inner-later --><a href="?quetzal-inner-link">a</a>`;
      around.querySelector(":scope > iframe").contentDocument.body.insertAdjacentHTML("beforeend", later);
      around.querySelector(":scope > .host").shadowRoot.append(Object.assign(document.createElement("p"), { innerHTML: later }));
    },
    () => history.replaceState(null, "", "?token=quetzal-replaced-query#quetzal-replaced-fragment"),
    () => around.querySelector("canvas").getContext("2d").fillText("quetzal-drawn", 0, 20),
  ];
  for (const change of changes) {
    change();
    await task();
  }
};
