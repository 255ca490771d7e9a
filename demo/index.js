import { addToCart } from "./cart.js";
import { categories, findProduct, imageOf, products } from "./catalog.js";
import { byId, el, linePath, money, svg } from "./dom.js";
import {
  flashPrice, historyOf, kilnTemperature, pausePrices, priceOf, prices, pricesPaused,
} from "./prices.js";
import { openCart, toast } from "./shop.js";

const sparkWidth = 64;
const sparkHeight = 22;
const cards = new Map();
let category = "all";
let shown = null;

function sparkline(product) {
  return svg("svg", { class: "spark", viewBox: `0 0 ${sparkWidth} ${sparkHeight}`, "aria-hidden": "true" },
    svg("path", { d: linePath(historyOf(product.id), sparkWidth, sparkHeight) }));
}

function productCard(product) {
  const address = `product.html?id=${product.id}`;
  return el("li", { class: "card", "data-id": product.id },
    el("div", { class: "card-picture" },
      el("a", { href: address, tabindex: "-1", "aria-hidden": "true" },
        el("img", { src: imageOf(product), alt: "", width: 600, height: 750, loading: "lazy" }),
        el("img", { class: "second", src: imageOf(product, 2), alt: "", width: 600, height: 750,
          loading: "lazy" })),
      el("button", { class: "quick-button", type: "button", id: `quick-${product.id}`, text: "Quick view",
        "aria-label": `Quick view of ${product.name}`, onclick: () => showQuickView(product) })),
    el("h3", {}, el("a", { href: address, text: product.name })),
    el("p", { class: "muted small", text: product.blurb }),
    el("p", { class: "card-price" },
      el("span", { class: "price", id: `price-${product.id}`, text: money(priceOf(product.id)) }),
      sparkline(product)));
}

function matches(product, words) {
  const text = `${product.name} ${product.blurb} ${product.story} ${product.category}`.toLowerCase();
  return (category === "all" || product.category === category) && words.every((word) => text.includes(word));
}

const orders = {
  shelf: () => 0,
  low: (a, b) => priceOf(a.id) - priceOf(b.id),
  high: (a, b) => priceOf(b.id) - priceOf(a.id),
  rating: (a, b) => b.rating - a.rating,
};

function showProducts() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = products.filter((product) => matches(product, words)).sort(orders[byId("sort").value]);
  byId("products").replaceChildren(...found.map((product) => cards.get(product.id)));
  byId("result-count").textContent = found.length === 1 ? "1 piece" : `${found.length} pieces`;
  byId("nothing").hidden = found.length > 0;
}

function chooseCategory(id) {
  category = id;
  for (const chip of byId("categories").children) {
    chip.setAttribute("aria-pressed", String(chip.id === `category-${id}`));
  }
  showProducts();
}

function buildCategories() {
  byId("categories").append(...categories.map(({ id, name }) => el("button", {
    class: "chip", type: "button", id: `category-${id}`, text: name, "aria-pressed": String(id === category),
    onclick: () => chooseCategory(id),
  })));
}

function showQuickView(product) {
  shown = product;
  byId("quick-image").src = imageOf(product, 2);
  byId("quick-image").alt = product.name;
  byId("quick-category").textContent = categories.find(({ id }) => id === product.category).name;
  byId("quick-name").textContent = product.name;
  byId("quick-price").textContent = money(priceOf(product.id));
  byId("quick-story").textContent = product.story;
  byId("quick-size").replaceChildren(...product.sizes.map((size) => el("option", { text: size })));
  byId("quick-link").href = `product.html?id=${product.id}`;
  byId("quick-view").showModal();
}

function addShown() {
  addToCart(shown.id, byId("quick-size").value, 1, priceOf(shown.id));
  byId("quick-view").close();
  toast(`${shown.name} is in your basket`);
  openCart();
}

function showPrice({ id, price, direction }) {
  const card = cards.get(id);
  const label = card.querySelector(".price");
  label.textContent = money(price);
  flashPrice(label, direction);
  card.querySelector(".spark path").setAttribute("d", linePath(historyOf(id), sparkWidth, sparkHeight));
  if (shown?.id === id) {
    byId("quick-price").textContent = money(price);
    flashPrice(byId("quick-price"), direction);
  }
}

function showKiln() {
  byId("kiln-temperature").textContent = `${kilnTemperature()} °C`;
}

function showPause() {
  byId("pause-prices").textContent = pricesPaused() ? "Resume prices" : "Pause prices";
  byId("pause-prices").setAttribute("aria-pressed", String(pricesPaused()));
}

function clearSearch() {
  byId("search").value = "";
  chooseCategory("all");
  byId("search").focus();
}

function listen() {
  byId("search").addEventListener("input", showProducts);
  byId("sort").addEventListener("change", showProducts);
  byId("clear-search").addEventListener("click", clearSearch);
  byId("quick-close").addEventListener("click", () => byId("quick-view").close());
  byId("quick-add").addEventListener("click", addShown);
  byId("quick-view").addEventListener("click", (event) => {
    if (event.target === event.currentTarget) {
      event.currentTarget.close();
    }
  });
  byId("pause-prices").addEventListener("click", () => pausePrices(!pricesPaused()));
  prices.addEventListener("pause", showPause);
  prices.addEventListener("tick", (event) => {
    event.detail.changes.forEach(showPrice);
    showKiln();
  });
}

for (const { id } of products) {
  cards.set(id, productCard(findProduct(id)));
}
buildCategories();
listen();
showProducts();
showKiln();
showPause();
