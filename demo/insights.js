import { categories, imageOf, products } from "./catalog.js";
import { byId, el, linePath, money, svg } from "./dom.js";
import { flashPrice, historyOf, kilnTemperature, priceOf, prices } from "./prices.js";
import "./shop.js";

const beatCount = 40;
const feedLength = 5;
const beatMilliseconds = 1600;
const width = 800;
const height = 300;
const shelves = categories.slice(1);

const sales = [];
const soldByShelf = new Map(shelves.map(({ id }) => [id, 0]));
let total = 0;
let pots = 0;
let paused = false;

function sellSomething() {
  const product = products[Math.floor(Math.random() * products.length)];
  const count = 1 + Math.floor(Math.random() * 3);
  const amount = priceOf(product.id) * count;
  soldByShelf.set(product.category, soldByShelf.get(product.category) + amount);
  total += amount;
  pots += count;
  const wave = 60 * Math.sin(sales.length / 5);
  sales.push((sales.at(-1) ?? 130) * 0.62 + (amount + 60 + wave) * 0.38);
  sales.splice(0, sales.length - beatCount);
  return { product, count, amount };
}

function rule(y) {
  return svg("line", { class: "rule", x1: 0, x2: width, y1: y, y2: y });
}

function buildSalesChart() {
  const fade = svg("linearGradient", { id: "fade", x1: 0, y1: 0, x2: 0, y2: 1 },
    svg("stop", { "offset": "0", "stop-color": "#c2542d", "stop-opacity": "0.32" }),
    svg("stop", { "offset": "1", "stop-color": "#c2542d", "stop-opacity": "0" }));
  byId("sales-chart").append(svg("defs", {}, fade), ...[60, 120, 180, 240].map(rule),
    svg("path", { class: "area", id: "sales-area", fill: "url(#fade)" }),
    svg("path", { class: "line", id: "sales-line" }),
    svg("circle", { class: "point", id: "sales-point", r: 6, cx: width - 8 }));
}

function showSalesChart() {
  const line = linePath(sales, width - 8, height, 24);
  byId("sales-line").setAttribute("d", line);
  byId("sales-area").setAttribute("d", `${line}L${width - 8} ${height}L0 ${height}Z`);
  byId("sales-point").setAttribute("cy", line.split(" ").at(-1));
}

function buildShelfChart() {
  shelves.forEach(({ id, name }, index) => {
    const y = 18 + index * 72;
    byId("shelf-chart").append(
      svg("text", { class: "label", x: 0, y: y + 10, text: name }),
      svg("text", { class: "value", id: `shelf-value-${id}`, x: 340, y: y + 10, "text-anchor": "end" }),
      svg("rect", { class: "track", y: y + 22, width: 340, height: 14, rx: 7 }),
      svg("rect", { class: `bar ${id}`, id: `shelf-bar-${id}`, y: y + 22, height: 14, rx: 7, width: 0 }));
  });
}

function showShelfChart() {
  const most = Math.max(...soldByShelf.values(), 1);
  for (const [id, amount] of soldByShelf) {
    byId(`shelf-bar-${id}`).setAttribute("width", Math.max(14, (amount / most) * 340).toFixed(0));
    byId(`shelf-value-${id}`).textContent = money(amount);
  }
}

function addToFeed({ product, count, amount }) {
  byId("order-feed").prepend(el("li", {},
    el("img", { src: imageOf(product), alt: "", width: 40, height: 50 }),
    el("span", {}, el("strong", { text: product.name }), el("small", { text: `${count} sold` })),
    el("b", { text: money(amount) })));
  while (byId("order-feed").children.length > feedLength) {
    byId("order-feed").lastChild.remove();
  }
}

function showFigures() {
  byId("figure-sales").textContent = money(total);
  byId("figure-orders").textContent = String(pots);
  byId("figure-kiln").textContent = `${kilnTemperature()} °C`;
}

function buildPriceChart() {
  byId("price-product").append(...products.map(({ id, name }) => el("option", { value: id, text: name })));
  byId("price-chart").append(
    rule(85), svg("path", { class: "line green", id: "price-line" }));
}

function showPriceChart() {
  const id = byId("price-product").value;
  byId("price-now").textContent = money(priceOf(id));
  byId("price-line").setAttribute("d", linePath(historyOf(id), width, 170, 14));
}

function beat() {
  if (paused) {
    return;
  }
  addToFeed(sellSomething());
  showSalesChart();
  showShelfChart();
  showFigures();
}

function togglePause() {
  paused = !paused;
  byId("pause-insights").textContent = paused ? "Resume" : "Pause";
  byId("pause-insights").setAttribute("aria-pressed", String(paused));
}

function showTick(event) {
  const change = event.detail.changes.find(({ id }) => id === byId("price-product").value);
  if (change && !paused) {
    showPriceChart();
    flashPrice(byId("price-now"), change.direction);
  }
}

for (let count = 0; count < beatCount; count += 1) {
  addToFeed(sellSomething());
}
buildSalesChart();
buildShelfChart();
buildPriceChart();
byId("price-product").addEventListener("change", showPriceChart);
byId("pause-insights").addEventListener("click", togglePause);
prices.addEventListener("tick", showTick);
showPriceChart();
beat();
setInterval(beat, beatMilliseconds);
