/**
 * The vocabulary of ZebraLogic: its 25 attributes, the sentence that introduces each of them in a puzzle, its
 * values, and the phrase by which a clue refers to the person with a value. Puzzles are parsed and written
 * with the same table, which therefore keeps unusual phrases of the original.
 *
 * From the puzzles of WildEval/ZeroEval (Apache-2.0).
 * @module
 */

export interface Attribute {
  /** Name of the attribute's column in the answer table. */
  readonly header: string;
  /** Sentence before the attribute's values in the list of a puzzle. */
  readonly sentence: string;
  /** Values of the attribute, each with the phrase for the person who has it. */
  readonly values: readonly (readonly [value: string, phrase: string])[];
}

export const ATTRIBUTES: readonly Attribute[] = [
  {
    header: 'Name',
    sentence: 'Each person has a unique name',
    values: [
      ['Eric', 'Eric'],
      ['Arnold', 'Arnold'],
      ['Peter', 'Peter'],
      ['Alice', 'Alice'],
      ['Bob', 'Bob'],
      ['Carol', 'Carol'],
    ],
  },
  {
    header: 'Animal',
    sentence: 'The people keep unique animals',
    values: [
      ['cat', 'the cat lover'],
      ['horse', 'the person who keeps horses'],
      ['bird', 'the bird keeper'],
      ['fish', 'the fish enthusiast'],
      ['dog', 'the dog owner'],
      ['rabbit', 'the rabbit owner'],
    ],
  },
  {
    header: 'Birthday',
    sentence: 'Each person has a unique birthday month',
    values: [
      ['april', 'the person whose birthday is in April'],
      ['sept', 'the person whose birthday is in September'],
      ['jan', 'the person whose birthday is in January'],
      ['feb', 'the person whose birthday is in February'],
      ['mar', 'the person whose birthday is in March'],
      ['may', 'the person whose birthday is in May'],
    ],
  },
  {
    header: 'BookGenre',
    sentence: 'People have unique favorite book genres',
    values: [
      ['mystery', 'the person who loves mystery books'],
      ['science fiction', 'the person who loves science fiction books'],
      ['romance', 'the person who loves romance books'],
      ['fantasy', 'the person who loves fantasy books'],
      ['biography', 'the person who loves biography books'],
      ['historical fiction', 'the person who loves historical fiction books'],
    ],
  },
  {
    header: 'CarModel',
    sentence: 'People own unique car models',
    values: [
      ['tesla model 3', 'the person who owns a Tesla Model 3'],
      ['ford f150', 'the person who owns a Ford F-150'],
      ['toyota camry', 'the person who owns a Toyota Camry'],
      ['honda civic', 'the person who owns a Honda Civic'],
      ['bmw 3 series', 'the person who owns a BMW 3 Series'],
      ['chevrolet silverado', 'the person who owns a Chevrolet Silverado'],
    ],
  },
  {
    header: 'Children',
    sentence: 'Each mother is accompanied by their child',
    values: [
      ['Fred', "the person's child is named Fred"],
      ['Bella', "the person's child is named Bella"],
      ['Meredith', "the person's child is named Meredith"],
      ['Samantha', "the person's child is named Samantha"],
      ['Timothy', 'the person who is the mother of Timothy'],
      ['Alice', "the person's child is named Alice"],
    ],
  },
  {
    header: 'Cigar',
    sentence: 'Everyone has a unique favorite cigar',
    values: [
      ['prince', 'the Prince smoker'],
      ['pall mall', 'the person partial to Pall Mall'],
      ['blue master', 'the person who smokes Blue Master'],
      ['dunhill', 'the Dunhill smoker'],
      ['blends', 'the person who smokes many unique blends'],
      ['yellow monster', 'the person who smokes Yellow Monster'],
    ],
  },
  {
    header: 'Color',
    sentence: 'Each person has a favorite color',
    values: [
      ['red', 'the person whose favorite color is red'],
      ['yellow', 'the person who loves yellow'],
      ['white', 'the person who loves white'],
      ['green', 'the person whose favorite color is green'],
      ['blue', 'the person who loves blue'],
      ['purple', 'the person who loves purple'],
    ],
  },
  {
    header: 'Drink',
    sentence: 'Each person has a unique favorite drink',
    values: [
      ['tea', 'the tea drinker'],
      ['water', 'the one who only drinks water'],
      ['milk', 'the person who likes milk'],
      ['coffee', 'the coffee drinker'],
      ['root beer', 'the root beer lover'],
      ['boba tea', 'the boba tea drinker'],
    ],
  },
  {
    header: 'Education',
    sentence: 'Each person has a unique level of education',
    values: [
      ['high school', 'the person with a high school diploma'],
      ['associate', "the person with an associate's degree"],
      ['bachelor', "the person with a bachelor's degree"],
      ['master', "the person with a master's degree"],
      ['doctorate', 'the person with a doctorate'],
      ['trade school', 'the person who attended trade school'],
    ],
  },
  {
    header: 'FavoriteSport',
    sentence: 'People have unique favorite sports',
    values: [
      ['soccer', 'the person who loves soccer'],
      ['basketball', 'the person who loves basketball'],
      ['tennis', 'the person who loves tennis'],
      ['swimming', 'the person who loves swimming'],
      ['baseball', 'the person who loves baseball'],
      ['volleyball', 'the person who loves volleyball'],
    ],
  },
  {
    header: 'Flower',
    sentence: 'They all have a unique favorite flower',
    values: [
      ['carnations', 'the person who loves a carnations arrangement'],
      ['daffodils', 'the person who loves a bouquet of daffodils'],
      ['lilies', 'the person who loves the boquet of lilies'],
      ['roses', 'the person who loves the rose bouquet'],
      ['tulips', 'the person who loves the vase of tulips'],
      ['iris', 'the person who loves the boquet of iris'],
    ],
  },
  {
    header: 'Food',
    sentence: 'Everyone has something unique for lunch',
    values: [
      ['grilled cheese', 'the person who loves eating grilled cheese'],
      ['pizza', 'the person who is a pizza lover'],
      ['spaghetti', 'the person who loves the spaghetti eater'],
      ['stew', 'the person who loves the stew'],
      ['stir fry', 'the person who loves stir fry'],
      ['soup', 'the person who loves the soup'],
    ],
  },
  {
    header: 'HairColor',
    sentence: 'People have unique hair colors',
    values: [
      ['black', 'the person who has black hair'],
      ['brown', 'the person who has brown hair'],
      ['blonde', 'the person who has blonde hair'],
      ['red', 'the person who has red hair'],
      ['gray', 'the person who has gray hair'],
      ['auburn', 'the person who has auburn hair'],
    ],
  },
  {
    header: 'Height',
    sentence: 'People have unique heights',
    values: [
      ['very short', 'the person who is very short'],
      ['short', 'the person who is short'],
      ['average', 'the person who has an average height'],
      ['tall', 'the person who is tall'],
      ['very tall', 'the person who is very tall'],
      ['super tall', 'the person who is super tall'],
    ],
  },
  {
    header: 'Hobby',
    sentence: 'Each person has a unique hobby',
    values: [
      ['gardening', 'the person who enjoys gardening'],
      ['photography', 'the photography enthusiast'],
      ['cooking', 'the person who loves cooking'],
      ['painting', 'the person who paints as a hobby'],
      ['knitting', 'the person who enjoys knitting'],
      ['woodworking', 'the woodworking hobbyist'],
    ],
  },
  {
    header: 'HouseStyle',
    sentence: 'Each person lives in a unique style of house',
    values: [
      ['colonial', 'the person living in a colonial-style house'],
      ['victorian', 'the person residing in a Victorian house'],
      ['ranch', 'the person in a ranch-style home'],
      ['craftsman', 'the person in a Craftsman-style house'],
      ['modern', 'the person in a modern-style house'],
      ['mediterranean', 'the person in a Mediterranean-style villa'],
    ],
  },
  {
    header: 'Mother',
    sentence: "The mothers' names in different houses are unique",
    values: [
      ['Aniya', "the person whose mother's name is Aniya"],
      ['Holly', "the person whose mother's name is Holly"],
      ['Janelle', "the person whose mother's name is Janelle"],
      ['Kailyn', "the person whose mother's name is Kailyn"],
      ['Penny', "the person whose mother's name is Penny"],
      ['Sarah', "the person whose mother's name is Sarah"],
    ],
  },
  {
    header: 'MusicGenre',
    sentence: 'People have unique favorite music genres',
    values: [
      ['pop', 'the person who loves pop music'],
      ['rock', 'the person who loves rock music'],
      ['classical', 'the person who loves classical music'],
      ['jazz', 'the person who loves jazz music'],
      ['hip hop', 'the person who loves hip-hop music'],
      ['country', 'the person who loves country music'],
    ],
  },
  {
    header: 'Nationality',
    sentence: 'The people are of nationalities',
    values: [
      ['dane', 'the Dane'],
      ['brit', 'the British person'],
      ['swede', 'the Swedish person'],
      ['norwegian', 'the Norwegian'],
      ['german', 'the German'],
      ['chinese', 'the Chinese'],
    ],
  },
  {
    header: 'Occupation',
    sentence: 'Each person has an occupation',
    values: [
      ['engineer', 'the person who is an engineer'],
      ['doctor', 'the person who is a doctor'],
      ['teacher', 'the person who is a teacher'],
      ['artist', 'the person who is an artist'],
      ['lawyer', 'the person who is a lawyer'],
      ['nurse', 'the person who is a nurse'],
    ],
  },
  {
    header: 'Pet',
    sentence: 'Each person has a unique type of pet',
    values: [
      ['dog', 'the person who owns a dog'],
      ['cat', 'the person who has a cat'],
      ['fish', 'the person with an aquarium of fish'],
      ['bird', 'the person who keeps a pet bird'],
      ['hamster', 'the person with a pet hamster'],
      ['rabbit', 'the person who owns a rabbit'],
    ],
  },
  {
    header: 'PhoneModel',
    sentence: 'People use unique phone models',
    values: [
      ['iphone 13', 'the person who uses an iPhone 13'],
      ['samsung galaxy s21', 'the person who uses a Samsung Galaxy S21'],
      ['google pixel 6', 'the person who uses a Google Pixel 6'],
      ['oneplus 9', 'the person who uses a OnePlus 9'],
      ['huawei p50', 'the person who uses a Huawei P50'],
      ['xiaomi mi 11', 'the person who uses a Xiaomi Mi 11'],
    ],
  },
  {
    header: 'Smoothie',
    sentence: 'Everyone has a favorite smoothie',
    values: [
      ['cherry', 'the person who likes Cherry smoothies'],
      ['desert', 'the Desert smoothie lover'],
      ['watermelon', 'the Watermelon smoothie lover'],
      ['dragonfruit', 'the Dragonfruit smoothie lover'],
      ['lime', 'the person who drinks Lime smoothies'],
      ['blueberry', 'the person who drinks Blueberry smoothies'],
    ],
  },
  {
    header: 'Vacation',
    sentence: 'Each person prefers a unique type of vacation',
    values: [
      ['mountain', 'the person who enjoys mountain retreats'],
      ['beach', 'the person who loves beach vacations'],
      ['city', 'the person who prefers city breaks'],
      ['cruise', 'the person who likes going on cruises'],
      ['camping', 'the person who enjoys camping trips'],
      ['cultural', 'the person who goes on cultural tours'],
    ],
  },
];

/**
 * Returns a form of a sentence that is the same for all versions of the benchmark. An earlier version has
 * "different" or no word in place of "unique", and another sentence for the attribute `Mother`.
 */
function normalSentence(sentence: string): string {
  return sentence.startsWith("The mothers' names") ? 'mothers' : sentence.replace(/unique |different /, '');
}

const BY_SENTENCE = new Map(ATTRIBUTES.map((one) => [normalSentence(one.sentence), one]));

/** Returns the attribute that a sentence in the list of a puzzle introduces. */
export function attributeOf(sentence: string): Attribute | undefined {
  return BY_SENTENCE.get(normalSentence(sentence));
}

const BY_PHRASE = new Map<string, readonly [header: string, value: string]>(
  ATTRIBUTES.flatMap(({ header, values }) =>
    values.map(([value, phrase]) => [phrase.toLowerCase(), [header, value.toLowerCase()]] as const),
  ),
);
BY_PHRASE.set('the person who smokes many different blends', ['Cigar', 'blends']);

/**
 * Returns the attribute and the value (in lower case) to which the phrase of a clue refers; undefined for an
 * unknown phrase.
 */
export function namedBy(phrase: string): readonly [header: string, value: string] | undefined {
  return BY_PHRASE.get(phrase.toLowerCase());
}

const PHRASES = new Map(
  ATTRIBUTES.flatMap(({ header, values }) =>
    values.map(([value, phrase]) => [`${header}:${value.toLowerCase()}`, phrase] as const),
  ),
);

/** Returns the phrase for the person with a value. */
export function phraseFor(header: string, value: string): string | undefined {
  return PHRASES.get(`${header}:${value.toLowerCase()}`);
}

/** Returns the sentence that introduces an attribute's values in a puzzle. */
export function sentenceFor(header: string): string | undefined {
  return ATTRIBUTES.find((one) => one.header === header)?.sentence;
}
