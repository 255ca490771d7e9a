const svgNamespace = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      node.textContent = value;
    } else if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children);
  return node;
}

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

const euros = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

export function money(amount) {
  return euros.format(amount);
}

export function linePath(values, width, height, pad = 2) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = width / Math.max(values.length - 1, 1);
  return values
    .map((value, index) => {
      const y = height - pad - ((value - low) / span) * (height - pad * 2);
      return `${index ? "L" : "M"}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}
