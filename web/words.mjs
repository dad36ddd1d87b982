// What the views say, in the languages of the pack. The nodes' own texts are in locales/.

const WORDS = {
  en: {
    yaw: "yaw", pitch: "pitch", roll: "roll", fov: "view",
    front: "Front", threeQuarter: "¾", profile: "Profile",
    turntable: "Turntable", grid: "Grid", figureEight: "Figure 8",
    reset: "Reset", detect: "Detect", shrink: "Crop",
    cameraLabel: "Camera: drag the head, shift-drag to roll, wheel for the field of view",
    cameraHelp: "Arrow keys turn, [ and ] roll, + and - zoom, Home resets, Shift makes small steps",
    pointsLabel: "Five points of the face: drag them onto eyes, nose tip and mouth corners",
    pointsHelp: "Tab chooses a point, arrow keys move it, Escape goes back to detection",
    points: ["eye on the left", "eye on the right", "tip of the nose", "left corner of the mouth", "right corner of the mouth"],
    detected: "found in the picture", placed: "placed by hand", guessed: "not run yet: drag the points, or run to detect",
    noPicture: "Connect a picture",
    stopAndKeep: "Stop now and keep",
    stopHelp: "Ends the training that is running after its next step; the graph goes on with the result so far",
    stopping: "Stopping after this step; the result so far is kept", nothingToStop: "No training is running",
  },
  zh: {
    yaw: "偏航", pitch: "俯仰", roll: "翻滚", fov: "视角",
    front: "正面", threeQuarter: "四分之三", profile: "侧面",
    turntable: "转台", grid: "网格", figureEight: "8 字形",
    reset: "重置", detect: "检测", shrink: "裁剪",
    cameraLabel: "相机：拖动头部旋转，按住 Shift 拖动翻滚，滚轮调整视角",
    cameraHelp: "方向键旋转，[ 和 ] 翻滚，+ 和 - 缩放，Home 重置，按住 Shift 小步移动",
    pointsLabel: "面部五点：把点拖到双眼、鼻尖和嘴角",
    pointsHelp: "Tab 选择点，方向键移动，Esc 恢复自动检测",
    points: ["左侧的眼睛", "右侧的眼睛", "鼻尖", "左嘴角", "右嘴角"],
    detected: "自动检测", placed: "手动放置", guessed: "尚未运行：拖动各点，或运行以检测",
    noPicture: "请连接图片",
    stopAndKeep: "立即停止并保留",
    stopHelp: "让正在运行的训练在下一步后结束；工作流用目前的结果继续",
    stopping: "这一步之后停止，保留目前的结果", nothingToStop: "没有正在运行的训练",
  },
  ja: {
    yaw: "ヨー", pitch: "ピッチ", roll: "ロール", fov: "画角",
    front: "正面", threeQuarter: "斜め", profile: "横顔",
    turntable: "回転台", grid: "格子", figureEight: "8の字",
    reset: "リセット", detect: "検出", shrink: "切り抜き",
    cameraLabel: "カメラ：頭をドラッグで回転、Shift+ドラッグでロール、ホイールで画角",
    cameraHelp: "矢印キーで回転、[ と ] でロール、+ と - で拡大縮小、Home で初期化、Shift で小刻み",
    pointsLabel: "顔の五点：目、鼻先、口角へドラッグします",
    pointsHelp: "Tab で点を選び、矢印キーで動かし、Esc で検出に戻します",
    points: ["左側の目", "右側の目", "鼻先", "左の口角", "右の口角"],
    detected: "検出済み", placed: "手動で配置", guessed: "未実行：点をドラッグするか、実行して検出します",
    noPicture: "画像を接続してください",
    stopAndKeep: "今すぐ止めて残す",
    stopHelp: "実行中の学習を次のステップの後で終え、ここまでの結果でグラフを続けます",
    stopping: "このステップの後で止め、ここまでの結果を残します", nothingToStop: "実行中の学習はありません",
  },
};

/** The words for a locale such as `zh-TW`; English where it is not known. */
export function wordsFor(locale) {
  const [language] = String(locale ?? "en").split(/[-_]/);
  return Object.hasOwn(WORDS, language) ? WORDS[language] : WORDS.en;
}
