import { byId, money } from "./dom.js";

const giftWrap = 3;
const perKilo = 1.2;

function showCost() {
  const weight = Number(byId("ship-weight").value);
  const gift = byId("ship-gift").checked ? giftWrap : 0;
  const cost = Number(byId("ship-zone").value) + weight * perKilo + gift;
  const postcode = byId("ship-postcode").value.trim().toUpperCase();
  byId("ship-weight-text").textContent = `${weight.toFixed(1)} kg`;
  byId("ship-result").textContent = `${money(cost)} ${postcode ? `to ${postcode}` : "to your door"}`;
}

byId("shipping-form").addEventListener("input", showCost);
byId("shipping-form").addEventListener("submit", (event) => event.preventDefault());
showCost();
