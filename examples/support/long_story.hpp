// SPDX-License-Identifier: MIT
/// A story in the words of a small child, some 2,100 tokens long: longer than any that the tiny model was trained on.
#ifndef POSENC_EXAMPLES_LONG_STORY_HPP
#define POSENC_EXAMPLES_LONG_STORY_HPP

inline const char* long_story() {
  return R"(Once upon a time, there was a little boy named Tim. Tim lived in a small house near a big lake. He had a dog named Max. Max was brown and very soft. Every day, Tim and Max went to the lake to play.

One day, Tim saw a little boat in the water. The boat was red and it had a white sail. "Look, Max!" said Tim. "A boat! I want to play with it." Max ran to the water and said, "Woof!"

Tim put his hand in the water, but the boat was too far away. He was sad. He wanted to get the boat, but he did not know how. Then he saw a long stick near a tree. "I can use the stick," he said. He took the stick and he pulled the boat to him. Tim was very happy. He smiled and hugged Max.

Inside the boat, there was a small box. Tim opened the box. There was a letter in it. The letter said, "My name is Anna. I live on the other side of the lake. I lost my kite. It is blue and it has a long tail. Can you help me find it?"

Tim ran home to his mom. "Mom, Mom!" he said. "A girl lost her kite. She is sad. Can we help her?" His mom smiled and said, "Yes, we can help her. It is good to be kind." So Tim and his mom and Max went to look for the blue kite.

First, they went to the park. There were many kids in the park. They played with a ball and they ran very fast. "Did you see a blue kite?" asked Tim. "No," said the kids. "We did not see a blue kite. But you can ask the old man. He sits under the big tree every day."

The old man had a long beard and a green hat. He had some bread in his hand and he gave it to the birds. "Did you see a blue kite?" asked Tim. The old man thought for a long time. Then he said, "Yes, I saw it. The wind was very strong. The kite went up, up, up in the sky. It went to the forest." Tim said thank you to the old man and they went to the forest.

The forest was dark and the trees were very tall. Tim was a little scared. "Do not be scared," said his mom. "I am with you." They walked and walked. They saw a rabbit and a bird and a little mouse. But they did not see the kite.

Then Max began to run. "Max, come back!" said Tim. But Max did not come back. He ran to a big tree and he looked up. "Woof, woof!" he said. Tim looked up too. At the top of the tree, he saw something blue. It was the kite!

"Good dog, Max!" said Tim. But the tree was too high. Tim could not climb it. His mom could not climb it. What could they do? Tim sat down on the grass and he thought and thought.

A squirrel came down from the tree. The squirrel looked at Tim. "Why are you sad?" asked the squirrel. "The kite is in your tree," said Tim. "It is not my kite. It is the kite of a girl named Anna. I want to give it back to her, but I can not climb so high."

"I can climb very high," said the squirrel. "I can help you. But I am hungry. Do you have some food for me?" Tim had an apple in his bag. He gave the apple to the squirrel. The squirrel was happy. It ate the apple and then it ran up the tree. It went up and up, and soon it was at the top. It pulled the kite with its teeth. The kite fell down and Tim caught it.

"Thank you, squirrel!" said Tim. "You are a good friend." The squirrel said, "You are kind too. Come back and play with me one day." Then it ran away.

Tim looked at the kite. The tail had a big hole. "Oh no," he said. "The tail is broken. Anna will be sad." His mom said, "Do not worry. We can fix it at home." So they went home. Mom took a needle and some red cloth. Tim held the kite and mom fixed the tail. Now the kite had a blue body and a red tail. It was so pretty.

The next day, Tim and his mom and Max walked around the lake. It was a long way, and the sun was hot. On the other side, there was a yellow house with many flowers. A girl sat near the door. She had long hair and she looked sad.

"Are you Anna?" asked Tim. "Yes, I am Anna," said the girl. Tim showed her the kite. Anna jumped up and down. "My kite, my kite!" she said. "You found my kite! And it has a new red tail. I like it so much. Thank you, thank you!"

Anna's dad came out of the house. He was a big man with a kind face. "You are a good boy," he said. "Please come in and have some cake with us." They all sat at the table and ate cake and drank juice. Max had a big bone. He was very happy.

After the cake, they went to the hill behind the house. The wind was strong. Anna held the string and Tim threw the kite in the air. It went up and up, over the house and over the trees. "Look how high it is!" said Tim. Anna gave him the string. "You can fly it too," she said. Tim felt the wind pull the kite. He laughed and laughed.

When the sun went down, it was time to go home. "Will you come back?" asked Anna. "Yes," said Tim. "I will come back every day." From that day on, Tim and Anna and Max played at the lake. They sailed the little red boat and they flew the blue kite. Sometimes they went to the forest and gave an apple to the squirrel. And they were the best of friends.
)";
}

#endif  // POSENC_EXAMPLES_LONG_STORY_HPP
