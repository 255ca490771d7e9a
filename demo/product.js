import { addToCart } from "./cart.js";
import { categories, findProduct, imageOf, products, reviewsOf } from "./catalog.js";
import { byId, el, money } from "./dom.js";
import { flashPrice, priceOf, prices } from "./prices.js";
import { openCart, toast } from "./shop.js";
import "./stars.js";

const product = findProduct(new URLSearchParams(location.search).get("id")) ?? products[0];
const pictures = [
  [imageOf(product), "from the front"],
  [imageOf(product, 2), "from above, in window light"],
  ["images/hero.webp", "among its friends in the studio"],
];

function showPicture(index) {
  const [source, view] = pictures[index];
  byId("gallery-main").src = source;
  byId("gallery-main").alt = `${product.name} ${view}`;
  [...byId("thumbs").children].forEach((thumb, position) => {
    thumb.setAttribute("aria-pressed", String(position === index));
  });
}

function buildGallery() {
  byId("thumbs").append(...pictures.map(([source, view], index) => el("button", {
    class: "thumb", type: "button", id: `thumb-${index + 1}`, "aria-label": `${product.name} ${view}`,
    onclick: () => showPicture(index),
  }, el("img", { src: source, alt: "", width: 90, height: 112 }))));
  showPicture(0);
}

function showProduct() {
  document.title = `Oddkiln: ${product.name}`;
  byId("crumb-name").textContent = product.name;
  byId("product-category").textContent = categories.find(({ id }) => id === product.category).name;
  byId("product-name").textContent = product.name;
  byId("product-rating").setAttribute("value", product.rating);
  byId("rating-text").textContent = `${product.rating} from people who kept theirs`;
  byId("product-price").textContent = money(priceOf(product.id));
  byId("product-story").textContent = product.story;
  byId("size").append(...product.sizes.map((size) => el("option", { text: size })));
}

function reviewItem({ author, stars, text }) {
  return el("li", { class: "review" },
    el("star-rating", { readonly: true, value: stars }),
    el("p", { class: "review-text", text }),
    el("p", { class: "muted small", text: author }));
}

function quantity() {
  const { min, max, value } = byId("quantity");
  return Math.max(Number(min), Math.min(Number(max), Math.round(Number(value)) || 1));
}

function changeQuantity(change) {
  const { max } = byId("quantity");
  byId("quantity").value = Math.max(1, Math.min(Number(max), quantity() + change));
}

function buy(event) {
  event.preventDefault();
  addToCart(product.id, byId("size").value, quantity(), priceOf(product.id));
  toast(`${product.name} is in your basket`);
  openCart();
}

function addReview(event) {
  event.preventDefault();
  const stars = byId("my-rating").value;
  const text = byId("review-text").value.trim();
  byId("review-error").textContent = stars && text ? "" : "Please choose some stars and write a few words.";
  if (!stars || !text) {
    return;
  }
  byId("review-list").prepend(reviewItem({ author: "You, just now", stars, text }));
  byId("review-form").reset();
  byId("my-rating").setAttribute("value", "0");
}

function listen() {
  byId("quantity-minus").addEventListener("click", () => changeQuantity(-1));
  byId("quantity-plus").addEventListener("click", () => changeQuantity(1));
  byId("buy-form").addEventListener("submit", buy);
  byId("review-form").addEventListener("submit", addReview);
  prices.addEventListener("tick", (event) => {
    const change = event.detail.changes.find(({ id }) => id === product.id);
    if (change) {
      byId("product-price").textContent = money(change.price);
      flashPrice(byId("product-price"), change.direction);
    }
  });
}

showProduct();
buildGallery();
byId("review-list").append(...reviewsOf(product).map(reviewItem));
byId("review-form").noValidate = true;
listen();
