//! Many choices in one run. The second tier has each of them in a run of its own: see `recipe`,
//! `objectives` and `generators`.

use crate::temporary;
use crate::train_cases::{TrainCase, resume_and_translate, train_and_remember};

const CHOICES: [TrainCase; 2] = [
    (
        "adversarial",
        "--depth 3 --norm instance --d-layers 1 --gan-mode lsgan --schedule cosine --init xavier \
         --ema 0.5 --pool 3 --discriminators 2 --lambda-feat 10",
        "num_downs=3 norm=instance d_layers=1 objective/gan_loss=lsgan recipe/schedule=cosine \
         recipe/init=xavier recipe/ema=0.5 recipe/pool=3 discriminators=2 \
         objective/lambda_feat=10.0",
    ),
    (
        "plain",
        "--generator encoder-decoder --depth 3 --upsample nearest --objective l1 --distance l2 \
         --optimizer sgd --momentum 0.9 --schedule step --lr-step 1 --accumulate 2",
        "architecture=encoder-decoder num_downs=3 upsample=nearest objective/lambda_gan=0.0 \
         objective/distance=l2 recipe/optimizer/sgd/momentum=0.9 recipe/schedule/step/epochs=1 \
         recipe/accumulate=2",
    ),
];

#[test]
fn many_choices_at_once_train_and_their_runs_remember_them() {
    let folder = temporary();
    let root = folder.path();
    train_and_remember(root, &CHOICES);
    resume_and_translate(root, &["adversarial", "plain"]);
}
