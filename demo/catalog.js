export const categories = [
  { id: "all", name: "Everything" },
  { id: "cups", name: "Cups" },
  { id: "brewing", name: "Brewing" },
  { id: "table", name: "Table" },
  { id: "home", name: "Home" },
];

const cupSizes = ["Small, 180 ml", "Regular, 280 ml", "Generous, 400 ml"];
const potSizes = ["For one, 350 ml", "For two, 600 ml", "For a crowd, 1 litre"];
const tableSizes = ["Side, 17 cm", "Main, 22 cm", "Sharing, 29 cm"];

export const products = [
  {
    id: "low-tide-mug",
    name: "Low Tide Mug",
    category: "cups",
    price: 34,
    rating: 4.8,
    sizes: cupSizes,
    blurb: "A wide mug with a waterline that never dries.",
    story:
      "We dip each mug by hand and let the blue run where it wants to. The bare clay below the waterline "
      + "stays warm and a little sandy, so your fingers always know which way is down.",
  },
  {
    id: "pebble-espresso",
    name: "Pebble Espresso",
    category: "cups",
    price: 28,
    rating: 4.9,
    sizes: ["Single, 60 ml", "Double, 90 ml"],
    blurb: "Cup and saucer, as round as a beach stone.",
    story:
      "Thick enough to keep a double shot hot until you have read the headlines, small enough to finish "
      + "before you reach the bad ones. The saucer has room for exactly one biscuit.",
  },
  {
    id: "ridge-tumbler",
    name: "Ridge Tumbler",
    category: "cups",
    price: 26,
    rating: 4.6,
    sizes: cupSizes,
    blurb: "Combed by hand, so it never slips.",
    story:
      "The ridges are pulled with a wooden comb while the clay is still leather-hard. They catch the glaze, "
      + "catch the light, and keep the cup in your hand when it is raining on the balcony.",
  },
  {
    id: "stairwell-set",
    name: "Stairwell Set",
    category: "cups",
    price: 62,
    rating: 4.7,
    sizes: ["Set of three", "Set of six"],
    blurb: "Three stacking cups that mostly get along.",
    story:
      "Pink sits on mustard, mustard sits on moss. Each foot is turned to nest in the cup below with a soft "
      + "clink. You can stack them in another order. They will not stop you, but they will know.",
  },
  {
    id: "funnel-dripper",
    name: "Funnel Cloud",
    category: "brewing",
    price: 58,
    rating: 4.9,
    sizes: ["1 cup", "2 to 4 cups"],
    blurb: "A dripper and pot for weather watchers.",
    story:
      "Steep walls, one honest hole, and a squat dark pot waiting below. Pour slowly from the middle out and "
      + "the bloom rises like a small front coming in from the west.",
  },
  {
    id: "noon-carafe",
    name: "Noon Carafe",
    category: "brewing",
    price: 54,
    rating: 4.5,
    sizes: potSizes,
    blurb: "Holds water, wine, or the last of the sun.",
    story:
      "The yellow came out of a happy mistake with the iron bucket, and we have been repeating it carefully "
      + "ever since. The lip is cut thin so that it pours without a drip.",
  },
  {
    id: "grumble-teapot",
    name: "Grumble Teapot",
    category: "brewing",
    price: 86,
    rating: 4.7,
    sizes: potSizes,
    blurb: "Short, stout, and entirely unbothered.",
    story:
      "A deep sea-green pot with a lid that sits tight, even on the final cup. It makes a low, satisfied "
      + "sound when the water goes in. Nobody taught it that.",
  },
  {
    id: "bean-vault",
    name: "Bean Vault",
    category: "brewing",
    price: 49,
    rating: 4.8,
    sizes: ["250 g of beans", "500 g of beans"],
    blurb: "A canister with an oak lid and secrets.",
    story:
      "The lid is turned from offcuts of a neighbour's staircase and closes with a soft breath. Keeps beans "
      + "dark and dry, and biscuits out of sight of people under one metre tall.",
  },
  {
    id: "crumb-plate",
    name: "Crumb Plates",
    category: "table",
    price: 72,
    rating: 4.6,
    sizes: ["Stack of three", "Stack of six"],
    blurb: "A stack of three for toast of all ranks.",
    story:
      "Side, supper and sharing, in moss, oat and apricot. The raised rim keeps runaway crumbs and slow eggs "
      + "where they belong. Happy in the dishwasher, unhappy on marble floors.",
  },
  {
    id: "porridge-bowl",
    name: "Porridge Bowl",
    category: "table",
    price: 38,
    rating: 4.7,
    sizes: tableSizes,
    blurb: "Deep enough for second thoughts.",
    story:
      "Lilac outside, milk inside, with a broad foot that does not tip when a spoon is left standing. It "
      + "holds soup just as well, but we are not renaming it.",
  },
  {
    id: "spill-jug",
    name: "Spill Jug",
    category: "table",
    price: 46,
    rating: 4.4,
    sizes: potSizes,
    blurb: "Named for what it does not do.",
    story:
      "A quick, narrow beak and a handle you can trust with wet hands. The white glaze stops short of the "
      + "base, as if it had heard something interesting in the next room.",
  },
  {
    id: "one-stem-vase",
    name: "One Stem Vase",
    category: "home",
    price: 42,
    rating: 4.9,
    sizes: ["Low, 14 cm", "Tall, 22 cm"],
    blurb: "Makes a single twig look deliberate.",
    story:
      "A midnight bottle with a neck just wide enough for one good branch. Pick something on the way home, "
      + "add water, and take all the credit.",
  },
];

const voices = [
  ["Odile P.", 5, "Wrapped like an heirloom and already feels like one. The glaze is deeper than the photo."],
  ["Marten V.", 4, "Heavier than I expected, in a good way. One star off because I now need a second one."],
  ["Suri K.", 5, "My mornings are still terrible, but they look considerably better."],
  ["Bram O.", 5, "Survived a toddler, a house move and my brother-in-law. Not one chip."],
  ["Ines T.", 4, "The colour shifts through the day. I did not plan to have opinions, yet here we are."],
  ["Wren A.", 3, "Lovely thing, but the courier left it with a neighbour who has been slow to give it back."],
];

export function findProduct(id) {
  return products.find((product) => product.id === id);
}

export function imageOf(product, view = 1) {
  return `images/${product.id}${view === 1 ? "" : `-${view}`}.webp`;
}

export function reviewsOf(product) {
  const start = products.indexOf(product);
  return [0, 1, 2].map((step) => {
    const [author, stars, text] = voices[(start + step * 2 + (start % 2)) % voices.length];
    return { author, stars, text };
  });
}
